"""Family `shape`: fixed shapes in the boxes of prompts."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samgap.errors import UserError
from samgap.models import shape
from tests.helpers.demo_weights import decode

WIDTH, HEIGHT = 90, 60
BOXES = [
    {"x0": 30, "y0": 20, "x1": 60, "y1": 45, "label": 1},
    {"x0": 5, "y0": 5, "x1": 25, "y1": 30, "label": 1},
]


@pytest.mark.parametrize(("name", "share"), [("box", 1.0), ("ellipse", np.pi / 4)])
def test_shapes_fill_their_share_of_the_box(name, share):
    model = shape.open_model({"shape": name}, Path(), "cpu")
    model.set_image(Image.new("RGB", (WIDTH, HEIGHT)))
    ((prediction,),) = model.predict([{"boxes": BOXES[:1], "points": None}])
    mask = decode(prediction, HEIGHT, WIDTH)
    assert prediction.area == mask.sum() == pytest.approx(share * 30 * 25, rel=0.02)
    assert not mask[:, :30].any() and not mask[45:].any()


def test_tracked_shape_stays_at_its_prompt():
    frames = [Image.new("RGB", (WIDTH, HEIGHT))] * 4
    tracker = shape.open_tracker({"shape": "box"}, Path(), "cpu")
    object_prompts = [(1, {"boxes": [BOXES[0]]}), (2, {"boxes": [BOXES[1]]})]
    outputs = [output for output in tracker.track(frames, object_prompts) if output.predictions is not None]
    assert [(output.index, sorted(output.predictions)) for output in outputs] == [(1, [0]), (2, [0, 1]), (3, [0, 1])]
    for output in outputs:
        assert output.predictions[0][0].box == (30, 20, 60, 45)


def test_track_without_a_box_is_a_user_error():
    tracker = shape.open_tracker({"shape": "box"}, Path(), "cpu")
    points = [{"x": 45.5, "y": 30.5, "label": 1}]
    with pytest.raises(UserError, match="prompted by points alone"):
        list(tracker.track([Image.new("RGB", (WIDTH, HEIGHT))], [(0, {"boxes": None, "points": points})]))
