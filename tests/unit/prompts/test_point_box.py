"""Prompts of a box with points."""

from samgap.prompts import box, point, point_box


def test_point_box_has_the_points_and_the_box_of_both_kinds(truth, seed):
    options = {"jitter": 0.1, "points": 3, "place": "boundary", "negatives": 1}
    rows = list(point_box.generate_prompts(truth, options, seed))
    assert [row["points"] for row in rows] == [row["points"] for row in point.generate_prompts(truth, options, seed)]
    assert [row["boxes"] for row in rows] == [row["boxes"] for row in box.generate_prompts(truth, options, seed)]
    assert {row["kind"] for row in rows} == {"point-box"}
