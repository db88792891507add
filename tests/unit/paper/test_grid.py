from samgap.paper import grid

SPECIAL = r"a\b & 5% of $x_1$ #{2} ~^ ≥"


def test_every_special_character_of_latex_is_escaped():
    assert grid.escape_latex(SPECIAL) == (
        r"a\textbackslash{}b \& 5\% of \$x\_1\$ \#\{2\} \textasciitilde{}\textasciicircum{} $\geq$"
    )


def test_addresses_in_remarks_are_links_in_html():
    table = grid.PaperTable(
        "t", "T", [grid.Block("H", ["a"], 1, [[grid.Cell("x")]])], remarks=["See https://example.org/a_b (1 & 2)."]
    )
    html = grid.render_html(table)
    assert '<a href="https://example.org/a_b">https://example.org/a_b</a> (1 &amp; 2).' in html


def test_columns_of_running_text_are_wrapped_in_latex():
    block = grid.Block(
        "H", ["name", "text", "value"], 2, [[grid.Cell("x"), grid.Cell("long"), grid.Cell("1")]], {1: 5.5}
    )
    assert r"\begin{tabular}{lp{5.5cm}r}" in grid.render_latex(grid.PaperTable("t", "T", [block]))
