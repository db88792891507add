"""Objects followed through a sequence: against the package's own video predictor, each by itself, on a random model."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.models import sam2
from samgap.models.runtime.precision import Precision
from samgap.models.sam2 import video

DEMO = Path(__file__).parents[3] / "config" / "demo"
MODEL = {
    "config": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "overrides": {**yaml.safe_load((DEMO / "sam2-demo.overrides.yaml").read_text()), "model.image_size": 128},
}
WIDTH, HEIGHT, FRAMES = 90, 60, 19
POINTS = [{"x": 47.5, "y": 22.5, "label": 1}, {"x": 5.5, "y": 5.5, "label": 0}]
SHOWN = [
    (0, {"boxes": [{"x0": 10, "y0": 10, "x1": 40, "y1": 40}], "points": None}),
    (2, {"boxes": None, "points": POINTS}),
    (0, {"boxes": [{"x0": 30, "y0": 5, "x1": 80, "y1": 55}], "points": POINTS[:1]}),
    (FRAMES - 1, {"boxes": [{"x0": 5, "y0": 30, "x1": 25, "y1": 50}], "points": []}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A square that moves over noise, as the package reads it."""
    found = tmp_path_factory.mktemp("frames")
    noise = np.random.default_rng(0).integers(0, 120, (HEIGHT, WIDTH, 3), np.uint8)
    for frame in range(FRAMES):
        pixels = noise.copy()
        pixels[15:40, 15 + 2 * frame : 40 + 2 * frame] = (210, 40, 30)
        Image.fromarray(pixels).save(found / f"{frame:05d}.jpg")
    return found


@pytest.fixture(scope="module")
def tracker():
    torch.manual_seed(5)
    model = video.build_tracker_model(MODEL, "cpu").eval()
    # A random model may say that it sees nothing; this one sees all, so that there are masks to compare.
    with torch.no_grad():
        list(model.sam_mask_decoder.pred_obj_score_head.parameters())[-1].fill_(5.0)
    return video.Sam2Tracker(model)


@pytest.fixture(scope="module")
def answers(tracker, folder):
    frames = [Image.open(folder / f"{frame:05d}.jpg") for frame in range(FRAMES)]
    return {frame.index: frame.predictions for frame in tracker.track(frames, SHOWN) if frame.predictions is not None}


def _mask(prediction):
    return coco_mask.decode({"size": [HEIGHT, WIDTH], "counts": prediction.rle}).astype(bool)


@pytest.mark.parametrize("number", range(len(SHOWN)))
def test_each_object_is_followed_as_the_package_follows_it_alone(tracker, folder, answers, number):
    start, prompt = SHOWN[number]
    state = tracker.model.init_state(str(folder))
    asked = {}
    if prompt["points"]:
        # The package adds half a pixel itself.
        asked["points"] = np.array([[point["x"] - 0.5, point["y"] - 0.5] for point in prompt["points"]], np.float32)
        asked["labels"] = np.array([point["label"] for point in prompt["points"]], np.int32)
    if prompt["boxes"]:
        asked["box"] = np.array([prompt["boxes"][0][edge] for edge in ("x0", "y0", "x1", "y1")], np.float32)
    tracker.model.add_new_points_or_box(state, start, 7, **asked)
    compared = 0
    for frame, _, logits in tracker.model.propagate_in_video(state):
        wanted = (logits[0, 0] > 0).numpy()
        found = answers[frame][number]
        assert len(found) == int(wanted.any())
        if found:
            assert np.array_equal(_mask(found[0]), wanted)
            assert 0.5 < found[0].score <= 1
            compared += 1
    assert sorted(frame for frame in answers if number in answers[frame]) == list(range(start, FRAMES))
    assert compared > (FRAMES - start) // 2


def test_bf16_is_followed_too(tracker, folder, answers):
    frames = [Image.open(folder / f"{frame:05d}.jpg") for frame in range(3)]
    fast = video.Sam2Tracker(tracker.model, Precision("bf16"))
    found = {frame.index: frame.predictions for frame in fast.track(frames, SHOWN[:1]) if frame.predictions is not None}
    assert sorted(found) == [0, 1, 2]
    ((one,), (other,)) = found[0][0], answers[0][0]
    assert one.score == pytest.approx(other.score, abs=0.02)
    assert (_mask(one) & _mask(other)).sum() / (_mask(one) | _mask(other)).sum() > 0.8


def test_what_the_memory_does_not_reach_is_dropped(tracker, folder):
    frames = [Image.open(folder / f"{frame:05d}.jpg") for frame in range(FRAMES)]
    kept, state = [], tracker._init_state
    tracker._init_state = lambda given: kept.append(state(given)) or kept[0]
    list(tracker.track(frames, SHOWN[:1]))
    del tracker._init_state
    outputs = kept[0]["output_dict_per_obj"][0]
    assert list(outputs["cond_frame_outputs"]) == [0]
    assert len(outputs["non_cond_frame_outputs"]) == tracker.memory_span_frames < FRAMES - 1
    assert list(kept[0]["cached_features"]) == [FRAMES - 1]


def test_nothing_shown_is_nothing_answered(tracker, folder):
    assert list(tracker.track([Image.open(folder / "00000.jpg")], [])) == []


def test_the_weights_of_single_images_are_those_of_sequences(tmp_path, tracker):
    torch.save({"model": video.build_tracker_model(MODEL, "cpu").state_dict()}, tmp_path / "weights.pt")
    opened = sam2.open_tracker(MODEL, tmp_path / "weights.pt", "cpu")
    assert opened.model.state_dict().keys() == tracker.model.state_dict().keys()
