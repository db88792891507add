"""SAM2's further ways of being asked, against the package's own predictor and generator, on a small random model."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.masks.clicks import next_click
from samgap.models.runtime.clicks import run_click_protocol
from samgap.models.runtime.precision import Precision
from samgap.models.sam2 import image as sam2

# isort: split
from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator

DEMO = Path(__file__).parents[3] / "config" / "demo"
MODEL = {
    "config": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "overrides": {**yaml.safe_load((DEMO / "sam2-demo.overrides.yaml").read_text()), "model.image_size": 128},
}
WIDTH, HEIGHT = 90, 60
POINTS = [
    [{"x": 45.5, "y": 30.5, "label": 1}, {"x": 5.5, "y": 3.0, "label": 0}, {"x": 50.0, "y": 33.0, "label": 1}],
    [{"x": 12.0, "y": 15.0, "label": 1}, {"x": 70.0, "y": 40.0, "label": 0}, {"x": 13.0, "y": 14.0, "label": 1}],
]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    found = sam2.Sam2(sam2.build_model(MODEL, "cpu").eval())
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    pixels[20:45, 30:60] = (200, 30, 30)
    found.set_image(Image.fromarray(pixels))
    return found


def _mask(prediction):
    return coco_mask.decode({"size": [HEIGHT, WIDTH], "counts": prediction.rle}).astype(bool)


def _same(one, other):
    return (one & other).sum() / max((one | other).sum(), 1) >= 0.999


def _best(model, several, **asked):
    masks, quality, _ = model.predictor.predict(multimask_output=several, **asked)
    return masks[int(np.argmax(quality))].astype(bool), float(np.clip(quality.max(), 0, 1))


def _prior():
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[20:40, 30:55] = 1
    return coco_mask.encode(np.asfortranarray(mask))["counts"]


def test_prompts_of_several_forms_may_come_together_and_each_is_answered_as_the_package_does(model):
    box = {"x0": 30, "y0": 20, "x1": 60, "y1": 45, "label": 1}
    prompts = [
        {"kind": "point", "points": POINTS[0], "boxes": None},
        {"kind": "box", "points": None, "boxes": [box]},
        {"kind": "point", "points": POINTS[1][:1], "boxes": None},
        {"kind": "mask", "points": None, "boxes": None, "mask": _prior()},
        {"kind": "point", "points": POINTS[1], "boxes": None},
        {"kind": "mask", "points": POINTS[0][:1], "boxes": None, "mask": _prior()},
    ]
    for prompt, (found,) in zip(prompts, model.predict(prompts), strict=True):
        asked = {}
        if prompt["points"]:
            asked["point_coords"] = np.array([[one["x"], one["y"]] for one in prompt["points"]]) - 0.5
            asked["point_labels"] = np.array([one["label"] for one in prompt["points"]])
        if prompt["boxes"]:
            asked["box"] = np.array([30, 20, 60, 45])
        if prompt.get("mask"):
            asked["mask_input"] = model.rles_to_mask_inputs([prompt["mask"]])[0].numpy()
        tokens = len(prompt["points"] or []) + 2 * len(prompt["boxes"] or [])
        mask, score = _best(model, tokens <= 1, **asked)
        assert _same(_mask(found), mask)
        assert found.score == pytest.approx(score, abs=1e-4)


def test_a_prior_is_the_mask_at_a_quarter_of_the_input_positive_inside(model):
    prior = model.rles_to_mask_inputs([_prior()])
    assert prior.shape == (1, 1, 32, 32)
    assert prior.min() == -sam2.MASK_INPUT_LOGIT and prior.max() == sam2.MASK_INPUT_LOGIT
    inside = (prior[0, 0] > 0).float().mean().item()
    assert inside == pytest.approx(20 * 25 / (HEIGHT * WIDTH), abs=0.02)


def test_clicks_go_on_from_the_answer_before_as_with_the_packages_predictor(model):
    truths = []
    for left in (30, 5):
        truth = np.zeros((HEIGHT, WIDTH), bool)
        truth[20:45, left : left + 25] = True
        truths.append(truth)
    prompts = [{"kind": "clicks", "points": points[:1], "clicks": 4} for points in POINTS]
    for prompt, truth, series in zip(prompts, truths, run_click_protocol(model, prompts, truths), strict=True):
        assert len(series) == 4
        given, prior = list(prompt["points"]), None
        for one in series:
            masks, quality, logits = model.predictor.predict(
                point_coords=np.array([[click["x"], click["y"]] for click in given]) - 0.5,
                point_labels=np.array([click["label"] for click in given]),
                mask_input=prior,
                multimask_output=prior is None,
            )
            best = int(np.argmax(quality))
            assert _same(_mask(one), masks[best].astype(bool)) or not masks[best].any()
            prior = logits[[best]]
            given.append(next_click(truth, _mask(one)))


def test_a_series_of_clicks_ends_when_nothing_is_left_to_correct():
    class Perfect:
        def predict_batch(self, batch, multimask=True):
            masks = np.zeros((len(batch.point_coords), HEIGHT, WIDTH), bool)
            masks[:, 10:20, 10:20] = True
            return sam2.MaskBatch(masks, np.ones(len(masks), np.float32), torch.zeros(len(masks), 1, 4, 4))

        def map_batches(self, indices, function):
            yield indices, function(indices)

    truth = np.zeros((HEIGHT, WIDTH), bool)
    truth[10:20, 10:20] = True
    (series,) = run_click_protocol(Perfect(), [{"points": POINTS[0][:1], "clicks": 20}], [truth])
    assert len(series) == 1


def test_everything_is_what_the_packages_generator_finds(model, monkeypatch):
    points = [
        {"x": (column + 0.5) * WIDTH / 6, "y": (row + 0.5) * HEIGHT / 6, "label": 1}
        for row in range(6)
        for column in range(6)
    ]
    # A random model's masks pass no filter, so the thresholds are lowered for both.
    defaults = SAM2AutomaticMaskGenerator.__init__.__defaults__
    names = SAM2AutomaticMaskGenerator.__init__.__code__.co_varnames[2 : 2 + len(defaults)]
    loose = {**dict(zip(names, defaults, strict=True)), "pred_iou_thresh": 0.0, "stability_score_thresh": 0.0}
    monkeypatch.setattr(SAM2AutomaticMaskGenerator.__init__, "__defaults__", tuple(loose.values()))
    found = model.predict([{"kind": "grid", "points": points, "boxes": None}])[0]
    own = SAM2AutomaticMaskGenerator(
        model.model,
        points_per_side=None,
        point_grids=[np.array([[one["x"] / WIDTH, one["y"] / HEIGHT] for one in points])],
    )
    own.predictor._bb_feat_sizes = model.predictor._bb_feat_sizes
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    pixels[20:45, 30:60] = (200, 30, 30)
    wanted = own.generate(pixels)
    assert len(found) == len(wanted) > 0
    assert [one.score for one in found] == sorted((min(one["predicted_iou"], 1) for one in wanted), reverse=True)
    # With less memory fewer points at once, for the same masks.
    most = model.grid_batcher.max_size
    monkeypatch.setattr(model.grid_batcher, "max_size", 4)
    fewer = model.predict([{"kind": "grid", "points": points, "boxes": None}])[0]
    assert most == 64 and len(fewer) == len(found)
    for one, other in zip(fewer, found, strict=True):
        assert one.score == pytest.approx(other.score, abs=1e-3)
        assert _same(_mask(one), _mask(other))
    monkeypatch.setattr(model, "precision", Precision("bf16"))
    assert model.predict([{"kind": "grid", "points": points, "boxes": None}])[0]
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    areas = sorted(int(one["area"]) for one in wanted)
    assert sorted(one.area for one in found) == areas
