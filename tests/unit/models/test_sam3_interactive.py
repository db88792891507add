"""SAM3 asked by places through its interactive head: against the package's own `predict_inst`, on a random model."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.errors import UserError
from samgap.masks.clicks import next_click
from samgap.models.runtime.clicks import run_click_protocol
from samgap.models.runtime.device import cuda_shim
from samgap.models.sam3 import build
from samgap.models.sam3 import image as sam3
from samgap.models.sam3 import interactive as _sam3_interactive

# isort: split
from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from sam3.model.sam3_image_processor import Sam3Processor

DEMO = Path(__file__).parents[3] / "config" / "demo"
SIZE = {**yaml.safe_load((DEMO / "sam3-demo.architecture.yaml").read_text()), "depth": 2}
OPTIONS = {"architecture": SIZE, "interactive": True}
WIDTH, HEIGHT = 90, 60
FILLED = 8  # px: random masks are full of holes, which the package's own 256 px would fill, all of them
BOXES = [(30, 20, 60, 45), (5, 5, 25, 30)]
POINTS = [
    [{"x": 45.5, "y": 30.5, "label": 1}, {"x": 5.5, "y": 3.0, "label": 0}, {"x": 50.0, "y": 33.0, "label": 1}],
    [{"x": 12.0, "y": 15.0, "label": 1}, {"x": 70.0, "y": 40.0, "label": 0}, {"x": 13.0, "y": 14.0, "label": 1}],
]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(9)
    built = build.build_small(SIZE, interactive=True)
    # As initialised, masks hang so little on the image that they fill all of it.
    decoder = built.inst_interactive_predictor.model.sam_mask_decoder
    with torch.no_grad():
        for layers in decoder.output_hypernetworks_mlps:
            layers.layers[-1].weight.normal_(std=1.0)
            layers.layers[-1].bias.normal_(std=1.0)
        for layer in decoder.output_upscaling:
            if hasattr(layer, "stride"):
                layer.weight.normal_(std=0.5)
    path = tmp_path_factory.mktemp("sam3") / "weights.pt"
    torch.save({"model": built.state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def image():
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    pixels[20:45, 30:60] = (200, 30, 30)
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def model(weights, image):
    found = sam3.open_model(OPTIONS, weights, "cpu")
    found.interactive_head.predictor._transforms.max_hole_area = FILLED
    found.set_image(image)
    return found


@pytest.fixture(scope="module")
def own(model, image):
    """The package's own way: `own(points, labels, box, …)`."""
    with cuda_shim("cpu"):
        processor = Sam3Processor(model.model, resolution=SIZE["size"], device="cpu")
        state = processor.set_image(image)

    def predict(**asked):
        features = dict(vars(model.interactive_head.predictor))
        with cuda_shim("cpu"):
            found = model.model.predict_inst(state, **asked)
        vars(model.interactive_head.predictor).update(
            features
        )  # predict_inst takes the image from the predictor when it ends
        return found

    return predict


def _mask(prediction):
    return coco_mask.decode({"size": [HEIGHT, WIDTH], "counts": prediction.rle}).astype(bool)


def _same(one, other):
    return (one & other).sum() / max((one | other).sum(), 1) >= 0.999


def _corners(points):
    """As the package counts, which adds half a pixel itself."""
    return np.array([[point["x"] - 0.5, point["y"] - 0.5] for point in points])


def _prior():
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20:40, 30:55] = 1
    return coco_mask.encode(np.asfortranarray(mask))["counts"]


def _prompt(kind, points=None, box=None, mask=None):
    edges = None if box is None else [dict(zip(("x0", "y0", "x1", "y1"), box, strict=True))]
    return {"kind": kind, "points": points, "boxes": edges, "mask": mask}


ASKED = {
    "box": [_prompt("box", box=box) for box in BOXES],
    "point": [_prompt("point", points[:count]) for points in POINTS for count in (1, 3)],
    "point-box": [_prompt("point-box", points[:1], box) for points, box in zip(POINTS, BOXES, strict=True)],
    "mask": [_prompt("mask", mask=_prior()), _prompt("mask", POINTS[0][:1], mask=_prior())],
}


@pytest.mark.parametrize("kind", ASKED)
def test_each_prompt_is_answered_as_the_package_does(model, own, kind):
    answers = model.predict(ASKED[kind])
    sizes = []
    for prompt, found in zip(ASKED[kind], answers, strict=True):
        asked = {}
        if prompt["points"]:
            asked["point_coords"] = _corners(prompt["points"])
            asked["point_labels"] = np.array([one["label"] for one in prompt["points"]])
        if prompt["boxes"]:
            asked["box"] = np.array(list(prompt["boxes"][0].values()))
        if prompt["mask"]:
            asked["mask_input"] = model.interactive_head.rles_to_mask_inputs([prompt["mask"]])[0].numpy()
        tokens = len(prompt["points"] or []) + 2 * len(prompt["boxes"] or [])
        masks, quality, _ = own(multimask_output=tokens <= 1, **asked)
        best = int(np.argmax(quality))
        wanted = masks[best].astype(bool)
        assert len(found) == int(wanted.any())
        if found:
            assert _same(_mask(found[0]), wanted)
            assert found[0].score == pytest.approx(quality[best], abs=1e-3)
            sizes.append(wanted.sum())
    assert any(0.02 < size / (WIDTH * HEIGHT) < 0.98 for size in sizes), sizes


def test_everything_is_what_each_point_of_the_grid_gives(model, own, monkeypatch):
    """SAM2's automatic generator over this head: three masks a point. A random model's pass no filter."""
    defaults = SAM2AutomaticMaskGenerator.__init__.__defaults__
    names = SAM2AutomaticMaskGenerator.__init__.__code__.co_varnames[2 : 2 + len(defaults)]
    own_filters = dict(zip(names, defaults, strict=True))
    loose = {**own_filters, "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0, "box_nms_thresh": 1.0}
    monkeypatch.setattr(SAM2AutomaticMaskGenerator.__init__, "__defaults__", tuple(loose.values()))
    points = [
        {"x": (column + 0.5) * WIDTH / 4, "y": (row + 0.5) * HEIGHT / 3, "label": 1}
        for row in range(3)
        for column in range(4)
    ]
    found = [one for one in model.predict([{"kind": "grid", "points": points, "boxes": None}])[0] if one.area]
    masks, quality = [], []
    for point in points:
        three, scores, _ = own(
            point_coords=np.array([[point["x"], point["y"]]]), point_labels=np.array([1]), multimask_output=True
        )
        masks += [mask.astype(bool) for mask in three]
        quality += scores.tolist()
    order = sorted((n for n, mask in enumerate(masks) if mask.any()), key=lambda n: -quality[n])
    assert len(found) == len(order) > 12
    for one, number in zip(found, order, strict=True):
        assert one.score == pytest.approx(np.clip(quality[number], 0, 1), abs=1e-3)
        near = [n for n in order if abs(quality[n] - quality[number]) < 1e-4]
        assert any(_same(_mask(one), masks[n]) for n in near)


def test_clicks_go_on_from_the_answer_before_as_with_the_package(model, own):
    truths = []
    for left in (30, 5):
        truth = np.zeros((HEIGHT, WIDTH), bool)
        truth[20:45, left : left + 25] = True
        truths.append(truth)
    prompts = [{"kind": "clicks", "points": points[:1], "clicks": 3} for points in POINTS]
    for prompt, truth, series in zip(prompts, truths, run_click_protocol(model, prompts, truths), strict=True):
        assert len(series) == 3
        given, prior = list(prompt["points"]), None
        for one in series:
            masks, quality, logits = own(
                point_coords=_corners(given),
                point_labels=np.array([click["label"] for click in given]),
                mask_input=prior,
                multimask_output=prior is None,
            )
            best = int(np.argmax(quality))
            assert _same(_mask(one), masks[best].astype(bool)) or not masks[best].any()
            prior = logits[[best]]
            given.append(next_click(truth, _mask(one)))


def test_bf16_answers_places_too(model, image, weights):
    fast = sam3.open_model({**OPTIONS, "precision": "bf16"}, weights, "cpu")
    fast.set_image(image)
    fast.interactive_head.predictor._transforms.max_hole_area = FILLED
    for found, wanted in zip(fast.predict(ASKED["box"]), model.predict(ASKED["box"]), strict=True):
        assert [one.score for one in found] == pytest.approx([one.score for one in wanted], abs=0.02)


def test_phrases_are_answered_as_without_the_head(model, image, weights):
    state = torch.load(weights, weights_only=True)["model"]
    plain = build.build_small(SIZE)
    plain.load_state_dict({key: state[key] for key in plain.state_dict()})
    without = sam3.Sam3(plain.eval(), SIZE["size"], "cpu")
    without.set_image(image)
    asked = [{"kind": "phrase", "phrase": phrase, "points": None, "boxes": None} for phrase in ("apple", "ripe pear")]
    assert model.predict(asked) == without.predict(asked)


def test_a_new_image_is_seen_anew(model, image, weights):
    fresh = sam3.open_model(OPTIONS, weights, "cpu")
    assert fresh.interactive_head.predictor._transforms.max_hole_area == 256  # the package's own
    fresh.interactive_head.predictor._transforms.max_hole_area = FILLED
    fresh.set_image(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    other = fresh.predict(ASKED["box"])
    fresh.set_image(image)
    assert fresh.predict(ASKED["box"]) == model.predict(ASKED["box"]) != other


def test_weights_without_the_head_are_named(tmp_path):
    torch.save({"model": build.build_small(SIZE).state_dict()}, tmp_path / "w.pt")
    with pytest.raises(UserError, match=r"missing: .*sam2_convs"):
        sam3.open_model(OPTIONS, tmp_path / "w.pt", "cpu")


def test_holes_are_filled_on_a_cpu_too(model, recwarn):
    logits = torch.full((1, 1, 32, 32), -5.0)
    logits[0, 0, 4:20, 4:20] = 5.0
    logits[0, 0, 10:12, 10:12] = -5.0
    full = model.interactive_head.predictor._transforms.postprocess_masks(logits, (32, 32))
    assert (full[0, 0, 4:20, 4:20] > 0).all() and (full[0, 0, 25:] < 0).all()
    assert not recwarn.list


def test_the_tracker_leaves_the_arithmetic_of_the_process_alone():
    _sam3_interactive.build_small_tracker(SIZE)
    assert not torch.is_autocast_enabled("cuda")


@pytest.mark.parametrize("interactive", [False, True])
def test_the_published_file_s_parts_are_taken_by_what_needs_them(weights, tmp_path, monkeypatch, interactive):
    state = torch.load(weights, weights_only=True)["model"]
    head = "inst_interactive_predictor.model."
    file = {
        ("tracker." + key.removeprefix(head) if key.startswith(head) else "detector." + key): value
        for key, value in state.items()
    }
    torch.save({"model": file}, tmp_path / "sam3.pt")
    built = []
    monkeypatch.setattr(
        build,
        "build_published",
        lambda device, head: built.append(build.build_small(SIZE, interactive=head)) or built[0],
    )
    sam3.open_model({"interactive": interactive}, tmp_path / "sam3.pt", "cpu")
    assert all(torch.equal(value, state[key]) for key, value in built[0].state_dict().items())
    assert (head + "no_mem_embed" in built[0].state_dict()) == interactive
