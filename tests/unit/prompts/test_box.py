"""Box prompts."""

from samgap.prompts import box


def test_every_instance_but_the_ignored_has_its_box(truth, seed):
    rows = list(box.generate_prompts(truth, {}, seed))
    assert [row["truth_ids"] for row in rows] == [[10], [11], [13]]
    assert rows[1]["boxes"] == [{"x0": 25, "y0": 15, "x1": 30, "y1": 20, "label": 1}]
