"""Objects followed by SAM3's tracker: against the package's own calls, on a random model on a CPU."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.models import sam3
from samgap.models.runtime.device import cuda_shim
from samgap.models.sam2.video import FrameTensors
from samgap.models.sam3 import build, video

DEMO = Path(__file__).parents[3] / "config" / "demo"
SIZE = {**yaml.safe_load((DEMO / "sam3-demo.architecture.yaml").read_text()), "depth": 2, "size": 112}
OPTIONS = {"architecture": SIZE, "interactive": True}
WIDTH, HEIGHT, FRAMES = 90, 60, 6
SHOWN = [
    (0, {"boxes": [{"x0": 10, "y0": 10, "x1": 40, "y1": 40}], "points": None}),
    (2, {"boxes": None, "points": [{"x": 47.5, "y": 22.5, "label": 1}, {"x": 5.5, "y": 5.5, "label": 0}]}),
    (0, {"boxes": [{"x0": 30, "y0": 5, "x1": 80, "y1": 55}], "points": [{"x": 50.5, "y": 30.5, "label": 1}]}),
]


@pytest.fixture(scope="module")
def frames():
    noise = np.random.default_rng(0).integers(0, 120, (HEIGHT, WIDTH, 3), np.uint8)
    found = []
    for frame in range(FRAMES):
        pixels = noise.copy()
        pixels[15:40, 15 + 2 * frame : 40 + 2 * frame] = (210, 40, 30)
        found.append(Image.fromarray(pixels))
    return found


@pytest.fixture(scope="module")
def tracker(tmp_path_factory):
    """Opened from the weights of a small image model with its interactive head, as sam3.pt is for both."""
    torch.manual_seed(4)
    model = build.build_small(SIZE, interactive=True)
    # A random model may say that it sees nothing; this one sees all, so that there are masks to compare.
    with torch.no_grad():
        head = model.inst_interactive_predictor.model.sam_mask_decoder.pred_obj_score_head
        list(head.parameters())[-1].fill_(5.0)
    path = tmp_path_factory.mktemp("sam3") / "weights.pt"
    torch.save({"model": model.state_dict()}, path)
    return sam3.open_tracker(OPTIONS, path, "cpu")


@pytest.fixture(scope="module")
def answers(tracker, frames):
    return {frame.index: frame.predictions for frame in tracker.track(frames, SHOWN) if frame.predictions is not None}


def _asked(prompt):
    size = np.array([WIDTH, HEIGHT], np.float32)
    asked = {}
    if prompt["points"]:
        # The package adds half a pixel itself.
        corners = np.array([[point["x"] - 0.5, point["y"] - 0.5] for point in prompt["points"]], np.float32)
        asked["points"] = torch.from_numpy(corners / size)
        asked["labels"] = torch.tensor([point["label"] for point in prompt["points"]], dtype=torch.int32)
    if prompt["boxes"]:
        edges = [prompt["boxes"][0][edge] for edge in ("x0", "y0", "x1", "y1")]
        asked["box"] = torch.tensor(edges, dtype=torch.float32) / torch.from_numpy(np.tile(size, 2))
    return asked


@pytest.mark.parametrize("start", [0, 2])
def test_objects_shown_on_a_frame_are_followed_as_the_package_follows_them(tracker, frames, answers, start):
    numbers = [number for number, (frame, _) in enumerate(SHOWN) if frame == start]
    inputs, compared = FrameTensors(frames, SIZE["size"], video.PIXEL_MEAN, video.PIXEL_STD), 0
    with cuda_shim("cpu"):
        state = tracker.model.init_state(HEIGHT, WIDTH, FRAMES, offload_state_to_cpu=True)
        state["images"] = inputs
        for number in numbers:
            tracker.model.add_new_points_or_box(state, start, number, **_asked(SHOWN[number][1]))
        own = list(tracker.model.propagate_in_video(state, start, None, False, True, propagate_preflight=True))
    assert [frame for frame, *_ in own] == list(range(start, FRAMES))
    for frame, ids, _, logits, sights in own:
        for place, number in enumerate(ids):
            wanted, found = (logits[place, 0] > 0).numpy(), answers[frame][number]
            assert len(found) == int(wanted.any())
            if found:
                mask = coco_mask.decode({"size": [HEIGHT, WIDTH], "counts": found[0].rle}).astype(bool)
                assert (mask & wanted).sum() / (mask | wanted).sum() >= 0.999
                assert found[0].score == pytest.approx(sights[place].sigmoid().item(), abs=1e-4)
                compared += 1
    assert compared >= FRAMES - start


def test_an_object_has_an_answer_from_the_frame_on_which_it_is_shown(answers):
    asked = [sorted(answers[frame]) for frame in range(FRAMES)]
    assert asked == [[0, 2]] * 2 + [[0, 1, 2]] * (FRAMES - 2)


def test_the_published_file_holds_the_tracker_beside_the_detector(tracker, tmp_path, monkeypatch):
    file = {
        ("detector." if key.startswith("backbone.") else "tracker.") + key: value
        for key, value in tracker.model.state_dict().items()
    }
    torch.save({"model": {**file, "detector.transformer.x": torch.zeros(1)}}, tmp_path / "sam3.pt")
    small = video.build_tracker_model(OPTIONS, "cpu")
    monkeypatch.setattr(video, "build_tracker", lambda **_: small)
    monkeypatch.setattr(video.interactive, "disable_autocast", lambda model: model)
    opened = sam3.open_tracker({"interactive": True}, tmp_path / "sam3.pt", "cpu")
    wanted = tracker.model.state_dict()
    assert all(torch.equal(value, wanted[key]) for key, value in opened.model.state_dict().items())


def test_the_arithmetic_of_the_process_is_left_alone(tracker):
    assert not torch.is_autocast_enabled("cuda")
