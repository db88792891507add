import re
from html.parser import HTMLParser

import pandas as pd
import pytest

from samgap.paper import grid

SPECIAL = r"a\b & 5% of $x_1$ #{2} ~^ ≥"


def test_csv_is_the_estimates_in_full_precision(paper, estimates_path, tmp_path):
    frame = paper.estimates()
    made = paper.make_table(estimates_path(frame), tmp_path / "out")
    rows = pd.read_csv(made["csv"], float_precision="round_trip")
    pd.testing.assert_frame_equal(rows, frame, check_exact=True, check_dtype=False)
    assert "0.91234567890123" in made["csv"].read_text()


def test_only_the_experiments_asked_in_their_order(paper, estimates_path, tmp_path):
    path = estimates_path(paper.estimates())
    made = paper.make_table(path, tmp_path / "out", ["concept-prompts", "box-baselines"])
    assert list(dict.fromkeys(pd.read_csv(made["csv"])["experiment"])) == ["concept-prompts", "box-baselines"]
    headings = re.findall("^## (.*)", made["md"].read_text(), re.M)
    assert headings == ["Noun phrases", "Noun phrases, by stratum", "What the box gives away"]


def test_markdown_shows_value_interval_and_numbers(paper, estimates_path, tmp_path):
    text = paper.make_table(estimates_path(paper.estimates()), tmp_path / "out")["md"].read_text()
    assert "| data set | model | prompts | images | instances | IoU | Boundary F (2 px) | Recall@50 |" in text
    assert "| orchard-sim-test | SAM2 (demo) | box | 60 | 312 | 0.912 [0.882, 0.932] |" in text
    assert "| not evaluable (a) |" in text
    assert f"(a) {paper.NOT_EVALUABLE}" in text
    assert "phrase=50%_ripe\\|apple" in text  # a pipe would end the cell


def test_skipped_rows_are_spelled_out(paper, estimates_path, tmp_path):
    made = paper.make_table(estimates_path(paper.estimates(skip_concept=True)), tmp_path / "out")
    for form in ("md", "tex", "html"):
        assert paper.SKIPPED in made[form].read_text(), form
    assert made["md"].read_text().count("skipped (a)") == 5 + 2


def test_warnings_are_footnotes_of_their_values(paper, estimates_path, tmp_path):
    frame = paper.estimates()
    frame.loc[[0, 4], "warning"] = paper.WARNING
    frame.loc[1, ["ci_low", "ci_high"]] = None
    frame.loc[1, "warning"] = "rests on one image alone"
    text = paper.make_table(estimates_path(frame), tmp_path / "out")["md"].read_text()
    assert "| 0.912 (a) [0.882, 0.932] |" in text
    assert f"(a) {paper.WARNING}" in text and text.count("(a)") == 3
    assert "| 0.894 (b) |" in text


def test_latex_is_escaped_and_balanced(paper, estimates_path, tmp_path):
    text = paper.make_table(estimates_path(paper.estimates()), tmp_path / "out")["tex"].read_text()
    assert r"Results \& more (Table 1): Spatial prompts \& boxes." in text
    assert r"phrase=50\%\_ripe|apple" in text
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    labels = re.findall(r"\\label\{(.*?)\}", text)
    assert len(labels) == len(set(labels)) == 4
    for tabular in re.findall(r"\\begin\{tabular\}\{(\w+)\}(.*?)\\end\{tabular\}", text, re.S):
        for line in tabular[1].splitlines():
            if line.endswith(r"\\"):
                assert len(re.findall(r"(?<!\\)&", line)) == len(tabular[0]) - 1


def test_escape_leaves_no_bare_special():
    assert grid.escape_latex(SPECIAL) == (
        r"a\textbackslash{}b \& 5\% of \$x\_1\$ \#\{2\} \textasciitilde{}\textasciicircum{} $\geq$"
    )


@pytest.mark.parametrize("form", ["md", "tex", "html"])
def test_demo_is_told_where_a_demo_model_is_in_it(paper, estimates_path, tmp_path, form):
    demo = paper.make_table(estimates_path(paper.estimates()), tmp_path / "a")[form].read_text()
    published = paper.make_table(estimates_path(paper.estimates(paper.PUBLISHED)), tmp_path / "b")[form].read_text()
    assert "Models marked demo" in demo
    assert "demo" not in published


def test_html_is_well_formed(paper, estimates_path, tmp_path):
    open_tags = []

    class Checker(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag not in ("br", "meta"):
                open_tags.append(tag)

        def handle_endtag(self, tag):
            assert open_tags.pop() == tag

    text = paper.make_table(estimates_path(paper.estimates()), tmp_path / "out")["html"].read_text()
    Checker().feed(text)
    assert not open_tags
    assert "Results &amp; more" in text


def test_same_bytes_twice(paper, estimates_path, tmp_path):
    path = estimates_path(paper.estimates())
    first, second = (paper.make_table(path, tmp_path / name) for name in "ab")
    for form in first:
        assert first[form].read_bytes() == second[form].read_bytes(), form
