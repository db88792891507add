"""Grids of points."""

from samgap.prompts import grid


def test_the_grid_has_one_row_per_image_with_or_without_instances(truth, seed):
    rows = list(grid.generate_prompts(truth, {"side": 3, "nouns": ["apple"]}, seed))
    assert [row["truth_ids"] for row in rows] == [[10, 11], []]
    points = [(entry["x"], entry["y"]) for entry in rows[1]["points"]]
    assert points[:4] == [(5, 20 / 6), (15, 20 / 6), (25, 20 / 6), (5, 10)]
    with_defaults = next(iter(grid.generate_prompts(truth, {}, seed)))
    assert with_defaults["truth_ids"] == [10, 11, 13] and len(with_defaults["points"]) == 32 * 32
