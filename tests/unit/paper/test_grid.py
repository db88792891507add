from samgap.paper import grid


def test_addresses_in_remarks_are_links_in_html():
    table = grid.PaperTable(
        "t", "T", [grid.Block("H", ["a"], 1, [[grid.Cell("x")]])], remarks=["See https://example.org/a_b (1 & 2)."]
    )
    html = grid.render_html(table)
    assert '<a href="https://example.org/a_b">https://example.org/a_b</a> (1 &amp; 2).' in html


def test_links_of_a_cell_are_in_markdown_and_html():
    cell = grid.Cell("found", links=[("a|b", "../a b.parquet"), ("paper", "https://example.org/x?y=1&z")])
    table = grid.PaperTable("t", "T", [grid.Block("H", ["a"], 1, [[cell]])])
    html = grid.render_html(table)
    assert (
        '<td>found <a href="../a%20b.parquet">a|b</a> <a href="https://example.org/x?y=1&amp;z">paper</a></td>' in html
    )
    assert "| found [a\\|b](../a%20b.parquet) [paper](https://example.org/x?y=1&z) |" in grid.render_markdown(table)
