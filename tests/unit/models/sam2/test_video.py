"""SAM2's tracker against the package's video predictor, which tracks each object alone, on a random model."""

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.models import sam2
from samgap.models.runtime.precision import Precision
from samgap.models.sam2 import video
from tests.helpers.demo_weights import decode, mask_iou, sam2_options

OPTIONS = sam2_options(model__image_size=128)
WIDTH, HEIGHT, N_FRAMES = 90, 60, 19
POINTS = [{"x": 47.5, "y": 22.5, "label": 1}, {"x": 5.5, "y": 5.5, "label": 0}]
OBJECT_PROMPTS = [
    (0, {"boxes": [{"x0": 10, "y0": 10, "x1": 40, "y1": 40}], "points": None}),
    (2, {"boxes": None, "points": POINTS}),
    (0, {"boxes": [{"x0": 30, "y0": 5, "x1": 80, "y1": 55}], "points": POINTS[:1]}),
    (N_FRAMES - 1, {"boxes": [{"x0": 5, "y0": 30, "x1": 25, "y1": 50}], "points": []}),
]


@pytest.fixture(scope="module")
def frame_folder(tmp_path_factory):
    """A square that moves over noise, as the files that the package reads."""
    folder = tmp_path_factory.mktemp("frames")
    noise = np.random.default_rng(0).integers(0, 120, (HEIGHT, WIDTH, 3), np.uint8)
    for frame_index in range(N_FRAMES):
        pixels = noise.copy()
        pixels[15:40, 15 + 2 * frame_index : 40 + 2 * frame_index] = (210, 40, 30)
        Image.fromarray(pixels).save(folder / f"{frame_index:05d}.jpg")
    return folder


@pytest.fixture(scope="module")
def frames(frame_folder):
    return [Image.open(path) for path in sorted(frame_folder.iterdir())]


@pytest.fixture(scope="module")
def tracker():
    torch.manual_seed(5)
    model = video.build_tracker_model(OPTIONS, "cpu").eval()
    # A random model may predict that no object is visible. This bias makes all visible, so that there are masks.
    with torch.no_grad():
        list(model.sam_mask_decoder.pred_obj_score_head.parameters())[-1].fill_(5.0)
    return video.Sam2Tracker(model)


def track(tracker, frames, object_prompts):
    outputs = tracker.track(frames, object_prompts)
    return {output.index: output.predictions for output in outputs if output.predictions is not None}


@pytest.fixture(scope="module")
def predictions(tracker, frames):
    return track(tracker, frames, OBJECT_PROMPTS)


@pytest.mark.parametrize("object_id", range(len(OBJECT_PROMPTS)))
def test_each_object_is_tracked_as_by_the_package_alone(tracker, frame_folder, predictions, object_id):
    start, prompt = OBJECT_PROMPTS[object_id]
    state = tracker.model.init_state(str(frame_folder))
    inputs = {}
    if prompt["points"]:
        # The package takes the centre of the first pixel as 0.
        inputs["points"] = np.array([[point["x"] - 0.5, point["y"] - 0.5] for point in prompt["points"]], np.float32)
        inputs["labels"] = np.array([point["label"] for point in prompt["points"]], np.int32)
    if prompt["boxes"]:
        inputs["box"] = np.array([prompt["boxes"][0][edge] for edge in ("x0", "y0", "x1", "y1")], np.float32)
    tracker.model.add_new_points_or_box(state, start, 7, **inputs)
    n_compared = 0
    for frame_index, _, logits in tracker.model.propagate_in_video(state):
        expected = (logits[0, 0] > 0).numpy()
        masks = predictions[frame_index][object_id]
        assert len(masks) == int(expected.any())
        if masks:
            assert np.array_equal(decode(masks[0], HEIGHT, WIDTH), expected)
            assert 0.5 < masks[0].score <= 1
            n_compared += 1
    tracked_frames = sorted(index for index in predictions if object_id in predictions[index])
    assert tracked_frames == list(range(start, N_FRAMES))
    assert n_compared > (N_FRAMES - start) // 2


def test_bf16_tracks_almost_the_same(tracker, frames, predictions):
    bf16_tracker = video.Sam2Tracker(tracker.model, Precision("bf16"))
    bf16_predictions = track(bf16_tracker, frames[:3], OBJECT_PROMPTS[:1])
    assert sorted(bf16_predictions) == [0, 1, 2]
    ((bf16_mask,), (fp32_mask,)) = bf16_predictions[0][0], predictions[0][0]
    assert bf16_mask.score == pytest.approx(fp32_mask.score, abs=0.02)
    assert mask_iou(decode(bf16_mask, HEIGHT, WIDTH), decode(fp32_mask, HEIGHT, WIDTH)) > 0.8


def test_outputs_beyond_the_memory_are_deleted(tracker, frames, monkeypatch):
    states, init_state = [], tracker._init_state
    monkeypatch.setattr(tracker, "_init_state", lambda frames: states.append(init_state(frames)) or states[0])
    track(tracker, frames, OBJECT_PROMPTS[:1])
    outputs = states[0]["output_dict_per_obj"][0]
    assert list(outputs["cond_frame_outputs"]) == [0]
    assert len(outputs["non_cond_frame_outputs"]) == tracker.memory_span_frames < N_FRAMES - 1
    assert list(states[0]["cached_features"]) == [N_FRAMES - 1]


def test_no_prompts_give_no_output(tracker, frames):
    assert list(tracker.track(frames[:1], [])) == []


def test_weights_of_the_image_model_fit_the_tracker(tmp_path, tracker):
    torch.save({"model": video.build_tracker_model(OPTIONS, "cpu").state_dict()}, tmp_path / "weights.pt")
    opened = sam2.open_tracker(OPTIONS, tmp_path / "weights.pt", "cpu")
    assert opened.model.state_dict().keys() == tracker.model.state_dict().keys()
