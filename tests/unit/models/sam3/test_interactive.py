"""SAM3's interactive head against the package's `predict_inst`, on a small random model."""

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.errors import UserError
from samgap.models.runtime.device import cuda_shim
from samgap.models.sam3 import build
from samgap.models.sam3 import image as sam3
from samgap.models.sam3.build import build_small
from tests.helpers import package_prompts as prompts
from tests.helpers.demo_weights import SAM3_OPTIONS, decode, mask_iou
from tests.helpers.package_prompts import (
    HEIGHT,
    WIDTH,
    allows_several_masks,
    assert_clicks_equal_the_packages,
    to_package_inputs,
)

# isort: split
from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from sam3.model.sam3_image_processor import Sam3Processor

ARCHITECTURE = {**SAM3_OPTIONS["architecture"], "depth": 2, "head-width": 64}
OPTIONS = {"architecture": ARCHITECTURE, "interactive": True}
HEAD_PREFIX = "inst_interactive_predictor.model."
MAX_HOLE_AREA = 8  # px; the masks of a random model have many holes, and the package's 256 px would fill them all
PROMPTS = {
    **prompts.PROMPTS,
    "points": [{"kind": "point", "points": points, "boxes": None} for points in prompts.POINTS],
    "mask": [
        {"kind": "mask", "points": points, "boxes": None, "mask": prompts.MASK}
        for points in (None, prompts.POINTS[0][:1])
    ],
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(9)
    model = build_small(ARCHITECTURE, interactive=True)
    # With the package's initialization the masks depend so little on the image that they cover the entire image.
    decoder = model.inst_interactive_predictor.model.sam_mask_decoder
    with torch.no_grad():
        for mlp in decoder.output_hypernetworks_mlps:
            mlp.layers[-1].weight.normal_(std=1.0)
            mlp.layers[-1].bias.normal_(std=1.0)
        for layer in decoder.output_upscaling:
            if hasattr(layer, "stride"):
                layer.weight.normal_(std=0.5)
    path = tmp_path_factory.mktemp("sam3") / "weights.pt"
    torch.save({"model": model.state_dict()}, path)
    return path


@pytest.fixture(scope="module")
def model(weights, image):
    model = sam3.open_model(OPTIONS, weights, "cpu")
    model.interactive_head.predictor._transforms.max_hole_area = MAX_HOLE_AREA
    model.set_image(image)
    return model


@pytest.fixture(scope="module")
def predict_inst(model, image):
    """The package's `predict_inst` on the image; returns masks, predicted IoU and logits."""
    with cuda_shim("cpu"):
        processor = Sam3Processor(model.model, resolution=ARCHITECTURE["size"], device="cpu")
        state = processor.set_image(image)

    def predict_inst(**inputs):
        predictor_state = dict(vars(model.interactive_head.predictor))
        with cuda_shim("cpu"):
            outputs = model.model.predict_inst(state, **inputs)
        # predict_inst resets the predictor at its end.
        vars(model.interactive_head.predictor).update(predictor_state)
        return outputs

    return predict_inst


@pytest.mark.parametrize("kind", PROMPTS)
def test_predictions_equal_those_of_the_package(model, predict_inst, kind):
    areas = []
    for prompt, predictions in zip(PROMPTS[kind], model.predict(PROMPTS[kind]), strict=True):
        inputs = to_package_inputs(prompt)
        if prompt.get("mask"):
            inputs["mask_input"] = model.interactive_head.rles_to_mask_inputs([prompt["mask"]])[0].numpy()
        masks, quality, _ = predict_inst(multimask_output=allows_several_masks(prompt), **inputs)
        best = int(np.argmax(quality))
        expected = masks[best].astype(bool)
        assert len(predictions) == int(expected.any())
        if predictions:
            assert mask_iou(decode(predictions[0], HEIGHT, WIDTH), expected) >= 0.999
            assert predictions[0].score == pytest.approx(quality[best], abs=1e-3)
            areas.append(expected.sum())
    assert any(0.02 < area / (WIDTH * HEIGHT) < 0.98 for area in areas), areas


def test_grid_gives_three_masks_for_each_point(model, predict_inst, monkeypatch):
    """With SAM2's automatic mask generator, whose filters no mask of a random model passes, so they are off."""
    defaults = SAM2AutomaticMaskGenerator.__init__.__defaults__
    names = SAM2AutomaticMaskGenerator.__init__.__code__.co_varnames[2 : 2 + len(defaults)]
    filters_off = {"pred_iou_thresh": 0.0, "stability_score_thresh": 0.0, "box_nms_thresh": 1.0}
    changed = {**dict(zip(names, defaults, strict=True)), **filters_off}
    monkeypatch.setattr(SAM2AutomaticMaskGenerator.__init__, "__defaults__", tuple(changed.values()))
    points = [
        {"x": (column + 0.5) * WIDTH / 4, "y": (row + 0.5) * HEIGHT / 3, "label": 1}
        for row in range(3)
        for column in range(4)
    ]
    (predictions,) = model.predict([{"kind": "grid", "points": points, "boxes": None}])
    predictions = [prediction for prediction in predictions if prediction.area]
    masks, quality = [], []
    for point in points:
        point_masks, point_quality, _ = predict_inst(
            point_coords=np.array([[point["x"], point["y"]]]), point_labels=np.array([1]), multimask_output=True
        )
        masks += [mask.astype(bool) for mask in point_masks]
        quality += point_quality.tolist()
    order = sorted((index for index, mask in enumerate(masks) if mask.any()), key=lambda index: -quality[index])
    assert len(predictions) == len(order) > 12
    for prediction, index in zip(predictions, order, strict=True):
        assert prediction.score == pytest.approx(np.clip(quality[index], 0, 1), abs=1e-3)
        # Masks with almost the same score may be in any order.
        candidates = [candidate for candidate in order if abs(quality[candidate] - quality[index]) < 1e-4]
        mask = decode(prediction, HEIGHT, WIDTH)
        assert any(mask_iou(mask, masks[candidate]) >= 0.999 for candidate in candidates)


def test_clicks_continue_from_the_mask_before_as_in_the_package(model, predict_inst):
    assert_clicks_equal_the_packages(model, 3, predict_inst)


def test_bf16_changes_scores_little(model, image, weights):
    bf16_model = sam3.open_model({**OPTIONS, "precision": "bf16"}, weights, "cpu")
    bf16_model.set_image(image)
    bf16_model.interactive_head.predictor._transforms.max_hole_area = MAX_HOLE_AREA
    for predictions, expected in zip(bf16_model.predict(PROMPTS["box"]), model.predict(PROMPTS["box"]), strict=True):
        scores = [prediction.score for prediction in predictions]
        assert scores == pytest.approx([prediction.score for prediction in expected], abs=0.02)


def test_phrases_do_not_depend_on_the_head(model, image, weights):
    state_dict = torch.load(weights, weights_only=True)["model"]
    plain = build_small(ARCHITECTURE)
    plain.load_state_dict({key: state_dict[key] for key in plain.state_dict()})
    model_without_head = sam3.Sam3(plain.eval(), ARCHITECTURE["size"], "cpu")
    model_without_head.set_image(image)
    prompts = [{"kind": "phrase", "phrase": phrase, "points": None, "boxes": None} for phrase in ("apple", "ripe pear")]
    assert model.predict(prompts) == model_without_head.predict(prompts)


def test_new_image_replaces_the_features_of_the_head(model, image, weights):
    other_model = sam3.open_model(OPTIONS, weights, "cpu")
    # The package's default of 256 px, as a share of the mask logits: 288 px a side, and 4 for each patch of 16 px.
    share = (4 * (ARCHITECTURE["size"] // 16) / 288) ** 2
    assert other_model.interactive_head.predictor._transforms.max_hole_area == pytest.approx(256 * share)
    other_model.interactive_head.predictor._transforms.max_hole_area = MAX_HOLE_AREA
    other_model.set_image(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    flipped = other_model.predict(PROMPTS["box"])
    other_model.set_image(image)
    assert other_model.predict(PROMPTS["box"]) == model.predict(PROMPTS["box"]) != flipped


def test_weights_without_the_head_are_a_user_error(tmp_path):
    torch.save({"model": build_small(ARCHITECTURE).state_dict()}, tmp_path / "w.pt")
    with pytest.raises(UserError, match=r"missing \(all of inst_interactive_predictor\): .*sam2_convs"):
        sam3.open_model(OPTIONS, tmp_path / "w.pt", "cpu")


def test_holes_are_filled_on_a_cpu_without_a_warning(model, recwarn):
    logits = torch.full((1, 1, 32, 32), -5.0)
    logits[0, 0, 4:20, 4:20] = 5.0
    logits[0, 0, 10:12, 10:12] = -5.0
    filled = model.interactive_head.predictor._transforms.postprocess_masks(logits, (32, 32))
    assert (filled[0, 0, 4:20, 4:20] > 0).all() and (filled[0, 0, 25:] < 0).all()
    assert not recwarn.list


@pytest.mark.parametrize("interactive", [False, True])
def test_keys_of_the_published_file_are_mapped_to_the_model(weights, tmp_path, monkeypatch, interactive):
    state_dict = torch.load(weights, weights_only=True)["model"]
    published = {
        ("tracker." + key.removeprefix(HEAD_PREFIX) if key.startswith(HEAD_PREFIX) else "detector." + key): value
        for key, value in state_dict.items()
    }
    torch.save({"model": published}, tmp_path / "sam3.pt")
    small_model = build_small(ARCHITECTURE, interactive=interactive)
    monkeypatch.setattr(build, "build_published", lambda device, interactive, tracks: small_model)
    sam3.open_model({"interactive": interactive}, tmp_path / "sam3.pt", "cpu")
    loaded = small_model.state_dict()
    assert all(torch.equal(value, state_dict[key]) for key, value in loaded.items())
    assert (HEAD_PREFIX + "no_mem_embed" in loaded) == interactive
