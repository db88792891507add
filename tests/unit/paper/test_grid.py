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


def test_no_line_of_a_heading_or_cell_begins_with_an_arrow():
    html = grid.render_html(
        grid.PaperTable("t", "T", [grid.Block("H", ["IoU ↑"], 1, [[grid.Cell("HD95 (px) ↓, box")]])])
    )
    assert "<th>IoU\u00a0↑</th>" in html and "<td>HD95 (px)\u00a0↓, box</td>" in html


def test_a_cell_spans_its_group_if_it_is_empty_below():
    rows = [[grid.Cell(text) for text in row] for row in (("a", "1"), ("", "2"), ("b", "3"), ("c", ""), ("", "4"))]
    html = grid.render_html(grid.PaperTable("t", "T", [grid.Block("H", ["x", "y"], 1, rows, group_starts=(0, 2, 3))]))
    assert '<tr class="first"><td rowspan="2">a</td><td>1</td></tr>\n<tr><td>2</td></tr>' in html
    assert '<tr class="first"><td>b</td><td>3</td></tr>' in html
    assert '<tr class="first"><td rowspan="2">c</td><td></td></tr>\n<tr><td>4</td></tr>' in html
