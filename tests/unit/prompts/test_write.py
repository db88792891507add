"""Validation of prompts when a prompt set is written."""

import pytest

from samgap.errors import UserError
from samgap.prompts import write

NAN = float("nan")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"kind": "point", "points": [{"x": 30.0, "y": 1.0, "label": 1}]}, "point (30.0, 1.0) is outside the image"),
        ({"kind": "point", "points": [{"x": 3.0, "y": NAN, "label": 1}]}, "point (3.0, nan) is outside the image"),
        (
            {"kind": "box", "boxes": [{"x0": 1, "y0": 1, "x1": 31, "y1": 5}]},
            "box (1, 1, 31, 5) is empty or outside the image",
        ),
        ({"kind": "box", "boxes": [{"x0": 5, "y0": 1, "x1": 5, "y1": 5}]}, "is empty or outside the image"),
        ({"kind": "box", "boxes": [{"x0": NAN, "y0": 1, "x1": 5, "y1": 5}]}, "is empty or outside the image"),
        ({"kind": "phrase", "phrase": "  "}, "an empty phrase"),
        ({"kind": "other", "phrase": None}, "an empty phrase"),
    ],
)
def test_an_invalid_prompt_raises_a_one_line_error_and_writes_no_file(truth, tmp_path, row, message):
    with pytest.raises(UserError, match=r"1\.png") as caught:
        write.write_prompts(tmp_path / "p.parquet", [{"image_id": 1, "truth_ids": [10], **row}], truth, {})
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())
