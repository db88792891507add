"""LaTeX of printed tables: escapes, floats and tables that continue over pages."""

import pytest

from samgap.paper.grid import Block, Cell, PaperTable, render_html
from samgap.paper.latex import _ESCAPES, escape_latex, render_latex
from tests.helpers.paper import make_estimates, save_table
from tests.helpers.paper_comparisons import comparisons_request, make_comparisons
from tests.helpers.result_tables import results_request
from tests.helpers.tex import compile_tex, needs_tex

LONG = "detector.backbone_of/vision"
SPECIAL = r"a\b & 5% of $x_1$ #{2} ~^ ≥"


def test_every_special_character_of_latex_is_escaped():
    assert escape_latex(SPECIAL) == (
        r"a\textbackslash{}b \& 5\% of \$x\_1\$ \#\{2\} \textasciitilde{}\textasciicircum{} $\geq$"
    )


def test_characters_that_tex_lacks_are_written_as_code_points():
    assert escape_latex("“成熟” reife Äpfel, jabłko") == "``[U+6210 U+719F]'' reife Äpfel, jabłko"


def make_table(**settings):
    """Return a table of two blocks with a footnote and a remark."""
    blocks = [
        Block("First", ["name", "value"], 1, [[Cell("x", footnote="a"), Cell("1", "0, 2")]]),
        Block("Second", ["name", "text", "value"], 2, [[Cell("y"), Cell("1/2 or " + LONG), Cell("2")]], **settings),
    ]
    return PaperTable("t", "T", blocks, [("a", "note")], ["Remark 1."])


def test_each_float_has_its_remarks():
    text = render_latex(make_table())
    assert text.count(r"\begin{table*}") == 2 and "longtable" not in text.split("\n", 1)[1]
    assert text.count("Remark 1.") == 2 and text.count("(a) note") == 1
    assert r"\label{tab:t}" in text and r"\label{tab:t-2}" in text


def test_running_text_continues_over_pages_and_has_its_remarks_once():
    text = render_latex(make_table(text_widths={1: 0.5}))
    assert text.count(r"\begin{longtable}") == 2 and "table*" not in text
    assert r"\begin{longtable}{l>{\raggedright\arraybackslash}p{0.5\linewidth}r}" in text
    assert text.count("Remark 1.") == 1 and text.rstrip().endswith(r"Remark 1.\par}")
    assert r"1/2 or detector.\allowbreak{}backbone\_\allowbreak{}of/\allowbreak{}vision" in text, "long words can break"


def test_an_interval_is_below_its_value_and_in_the_line_of_running_text():
    rows = [[Cell("x"), Cell("0.5", "0.4, 0.6"), Cell("0.7", "0.6, 0.8")]]
    text = render_latex(
        PaperTable("t", "T", [Block("H", ["name", "text", "F1@50 (of all pixels) ↑"], 1, rows, {1: 0.3})])
    )
    assert r"0.5 {\scriptsize\mbox{[0.4, 0.6]}}" in text
    assert r"\begin{tabular}[t]{@{}r@{}}0.7 \\ {\scriptsize\mbox{[0.6, 0.8]}}\end{tabular} \\[2pt]" in text
    assert r"\begin{tabular}[b]{@{}r@{}}F1@50 (of all \\ pixels)~$\uparrow$\end{tabular}" in text


def test_groups_of_rows_are_set_apart():
    rows = [[Cell(text)] for text in "abc"]
    table = PaperTable("t", "T", [Block("H", ["name"], 1, rows, group_starts=(0, 2))])
    assert "a \\\\*\nb \\\\\n\\addlinespace\nc \\\\" in render_latex(table)
    assert '<tr class="first"><td>c</td>' in render_html(table) and "<tr><td>b</td>" in render_html(table)


def test_a_text_hangs_over_the_empty_cells_of_its_group_if_it_is_no_higher():
    rows = [[Cell(text) for text in row] for row in (("short", "long " * 30, "1"), ("", "", "2"), ("next", "b", "3"))]
    block = Block("H", ["a", "b", "c"], 2, rows, {0: 0.2, 1: 0.3}, group_starts=(0, 2))
    lines = render_latex(PaperTable("t", "T", [block])).splitlines()
    first = next(number for number, line in enumerate(lines) if "short" in line)
    assert lines[first].startswith(r"\raisebox{0pt}[\height][0pt]{\parbox[t]{\linewidth}{\raggedright short}} & long")
    assert lines[first].endswith(r"& 1 \\*"), "no page ends within the group"
    assert lines[first + 1 : first + 4] == [r" &  & 2 \\", r"\addlinespace", r"next & b & 3 \\"]


@needs_tex
@pytest.mark.parametrize("widths", [{}, {1: 0.5}])
def test_all_escapes_compile(widths, tmp_path):
    cells = [Cell(text) for text in (SPECIAL, "".join(_ESCAPES) + " §²ÄłŚ 成", "3")]
    table = PaperTable("t", SPECIAL, [Block(SPECIAL, ["a", "b & c", "d_e"], 2, [cells], widths)], [], [SPECIAL])
    (tmp_path / "table.tex").write_text(render_latex(table), encoding="utf-8")
    compile_tex(tmp_path / "table.tex", tmp_path)


@needs_tex
@pytest.mark.parametrize("make_request", [results_request, comparisons_request])
def test_the_tables_of_results_compile(make_request, tmp_path):
    rows = make_estimates() if make_request is results_request else make_comparisons()
    table = save_table(make_request(rows, tmp_path), tmp_path / "out")["tex"]
    compile_tex(table, tmp_path)
