"""Reading of optical flow files."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from samgap.annotations.optical_flow import read_flow
from samgap.errors import UserError


def make_frame(name="a/00003.jpg", number=3):
    """Return a row of table `images` as a named tuple."""
    rows = pd.DataFrame({"file": [name], "frame": [number], "height": [24], "width": [30]})
    return next(rows.itertuples(index=False))


@pytest.fixture
def flow_file(tmp_path):
    (tmp_path / "a" / "flow").mkdir(parents=True)
    return tmp_path / "a" / "flow" / "00003.png"


def test_a_flow_file_is_read_as_documented(tmp_path, flow_file):
    coded = np.full((24, 30, 3), 128, np.uint8)
    coded[..., 0] += 2  # 2 px to the right
    coded[..., 1] -= 1  # 1 px up
    coded[..., 2] = 255
    coded[5:9, :, 2] = 0  # hidden in the next frame
    Image.fromarray(coded).save(flow_file)
    flow = read_flow(tmp_path, make_frame())
    rows, columns = flow.source_pixels // 30, flow.source_pixels % 30
    assert set(rows) == set(range(1, 24)) - set(range(5, 9)) and columns.max() == 27 and columns.min() == 0
    assert np.array_equal(flow.target_pixels // 30, rows - 1) and np.array_equal(flow.target_pixels % 30, columns + 2)


def test_a_frame_without_a_flow_file_has_no_flow(tmp_path, flow_file):
    assert read_flow(tmp_path, make_frame(number=4)) is None


def test_a_flow_of_another_size_or_a_damaged_file_raises_one_line(tmp_path, flow_file):
    Image.new("RGB", (20, 24)).save(flow_file)
    with pytest.raises(UserError, match="00003.png: 20×24 px, its frame 30×24; make the data set again"):
        read_flow(tmp_path, make_frame())
    flow_file.write_bytes(b"no picture")
    with pytest.raises(UserError, match="00003.png: not a readable flow"):
        read_flow(tmp_path, make_frame())
