"""SAM3's tracker against the package's calls, on a random model on a CPU."""

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.models import sam3
from samgap.models.runtime.device import cuda_shim
from samgap.models.runtime.frames import FrameTensors
from samgap.models.sam3 import video
from samgap.models.sam3.build import build_small
from tests.helpers.demo_weights import SMALLER_ARCHITECTURE, decode, mask_iou

OPTIONS = {"architecture": SMALLER_ARCHITECTURE, "interactive": True}
WIDTH, HEIGHT, N_FRAMES = 90, 60, 6
OBJECT_PROMPTS = [
    (0, {"boxes": [{"x0": 10, "y0": 10, "x1": 40, "y1": 40}], "points": None}),
    (2, {"boxes": None, "points": [{"x": 47.5, "y": 22.5, "label": 1}, {"x": 5.5, "y": 5.5, "label": 0}]}),
    (0, {"boxes": [{"x0": 30, "y0": 5, "x1": 80, "y1": 55}], "points": [{"x": 50.5, "y": 30.5, "label": 1}]}),
]


@pytest.fixture(scope="module")
def frames():
    noise = np.random.default_rng(0).integers(0, 120, (HEIGHT, WIDTH, 3), np.uint8)
    frames = []
    for frame_index in range(N_FRAMES):
        pixels = noise.copy()
        pixels[15:40, 15 + 2 * frame_index : 40 + 2 * frame_index] = (210, 40, 30)
        frames.append(Image.fromarray(pixels))
    return frames


@pytest.fixture(scope="module")
def tracker(tmp_path_factory):
    """A tracker, opened from the weights of a small image model with its interactive head."""
    torch.manual_seed(4)
    model = build_small(SMALLER_ARCHITECTURE, interactive=True)
    # A random model may predict that no object is visible. This bias makes all visible, so that there are masks.
    with torch.no_grad():
        head = model.inst_interactive_predictor.model.sam_mask_decoder.pred_obj_score_head
        list(head.parameters())[-1].fill_(5.0)
    path = tmp_path_factory.mktemp("sam3") / "weights.pt"
    torch.save({"model": model.state_dict()}, path)
    return sam3.open_tracker(OPTIONS, path, "cpu")


@pytest.fixture(scope="module")
def predictions(tracker, frames):
    outputs = tracker.track(frames, OBJECT_PROMPTS)
    return {output.index: output.predictions for output in outputs if output.predictions is not None}


def make_package_inputs(prompt):
    size = np.array([WIDTH, HEIGHT], np.float32)
    inputs = {}
    if prompt["points"]:
        # The package takes the centre of the first pixel as 0.
        points = np.array([[point["x"] - 0.5, point["y"] - 0.5] for point in prompt["points"]], np.float32)
        inputs["points"] = torch.from_numpy(points / size)
        inputs["labels"] = torch.tensor([point["label"] for point in prompt["points"]], dtype=torch.int32)
    if prompt["boxes"]:
        corners = [prompt["boxes"][0][edge] for edge in ("x0", "y0", "x1", "y1")]
        inputs["box"] = torch.tensor(corners, dtype=torch.float32) / torch.from_numpy(np.tile(size, 2))
    return inputs


@pytest.mark.parametrize("start", [0, 2])
def test_objects_prompted_on_one_frame_are_tracked_as_by_the_package(tracker, frames, predictions, start):
    n_compared = 0
    with cuda_shim("cpu"):
        state = tracker.model.init_state(HEIGHT, WIDTH, N_FRAMES, offload_state_to_cpu=True)
        state["images"] = FrameTensors(frames, SMALLER_ARCHITECTURE["size"], video.PIXEL_MEAN, video.PIXEL_STD)
        for object_id, (frame_index, prompt) in enumerate(OBJECT_PROMPTS):
            if frame_index == start:
                tracker.model.add_new_points_or_box(state, start, object_id, **make_package_inputs(prompt))
        outputs = list(tracker.model.propagate_in_video(state, start, None, False, True, propagate_preflight=True))
    assert [frame_index for frame_index, *_ in outputs] == list(range(start, N_FRAMES))
    for frame_index, object_ids, _, logits, score_logits in outputs:
        for row, object_id in enumerate(object_ids):
            expected, masks = (logits[row, 0] > 0).numpy(), predictions[frame_index][object_id]
            assert len(masks) == int(expected.any())
            if masks:
                assert mask_iou(decode(masks[0], HEIGHT, WIDTH), expected) >= 0.999
                assert masks[0].score == pytest.approx(score_logits[row].sigmoid().item(), abs=1e-4)
                n_compared += 1
    assert n_compared >= N_FRAMES - start


def test_objects_have_predictions_from_their_prompted_frame_on(predictions):
    object_ids = [sorted(predictions[frame_index]) for frame_index in range(N_FRAMES)]
    assert object_ids == [[0, 2]] * 2 + [[0, 1, 2]] * (N_FRAMES - 2)


def test_keys_of_the_published_file_are_mapped_to_the_tracker(tracker, tmp_path, monkeypatch):
    published = {
        ("detector." if key.startswith("backbone.") else "tracker.") + key: value
        for key, value in tracker.model.state_dict().items()
    }
    torch.save({"model": {**published, "detector.transformer.x": torch.zeros(1)}}, tmp_path / "sam3.pt")
    small_model = video.build_tracker_model(OPTIONS, "cpu")
    monkeypatch.setattr(video, "build_tracker", lambda **_: small_model)
    monkeypatch.setattr(video, "disable_autocast", lambda model: model)
    opened = sam3.open_tracker({"interactive": True}, tmp_path / "sam3.pt", "cpu")
    expected = tracker.model.state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in opened.model.state_dict().items())


def test_autocast_of_the_process_stays_off(tracker):
    assert not torch.is_autocast_enabled("cuda")
