"""SAM3 on phrases and exemplar boxes against the package's processor, on a small random model."""

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.errors import UserError
from samgap.models.runtime.device import cuda_shim
from samgap.models.runtime.weights import load_weights, read_weights
from samgap.models.sam3 import image as sam3
from samgap.models.sam3.build import build_image_model, build_small
from tests.helpers.demo_weights import SAM3_OPTIONS, SAM3_WEIGHTS, decode, mask_iou
from tests.helpers.package_prompts import HEIGHT, WIDTH

# isort: split
from sam3.model.sam3_image_processor import Sam3Processor

BOXES = [
    {"x0": 30, "y0": 20, "x1": 60, "y1": 45, "label": 1},
    {"x0": 5, "y0": 5, "x1": 25, "y1": 30, "label": 0},
]


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("sam3") / "weights.pt"
    torch.save({"model": build_image_model(SAM3_OPTIONS, "cpu").state_dict()}, path)
    return path


@pytest.fixture
def open_model(weights, image):
    """Open the model with further options, and encode the image."""

    def open_model(**options):
        model = sam3.open_model({**SAM3_OPTIONS, **options}, weights, "cpu")
        model.set_image(image)
        return model

    return open_model


def make_processor(model):
    """Return the package's processor without a score threshold; call it in `cuda_shim`."""
    return Sam3Processor(model.model, resolution=model.image_size, device="cpu", confidence_threshold=0.0)


def test_phrases_in_one_batch_equal_those_of_the_package_one_by_one(image, open_model, monkeypatch):
    monkeypatch.setattr(sam3, "MIN_SCORE", 0.0)
    model = open_model()
    phrases = ["apple", "a rather long phrase about ripe red apples", "leaf"]
    predictions = model.predict([{"phrase": phrase} for phrase in phrases])
    with cuda_shim("cpu"):
        processor = make_processor(model)
        state = processor.set_image(image)
        for phrase, phrase_predictions in zip(phrases, predictions, strict=True):
            state = processor.set_text_prompt(phrase, state)
            order = torch.argsort(state["scores"], descending=True, stable=True)
            order = order[state["masks"][order, 0].flatten(1).any(dim=1)]
            assert len(phrase_predictions) == len(order)
            for prediction, index in zip(phrase_predictions, order, strict=True):
                assert prediction.score == pytest.approx(float(state["scores"][index]), abs=1e-3)
                expected = state["masks"][index, 0].numpy()
                assert mask_iou(decode(prediction, HEIGHT, WIDTH), expected) >= 0.999
                assert prediction.box == pytest.approx(state["boxes"][index].tolist(), abs=0.05)


@pytest.mark.parametrize("phrase", ["apple", None])
def test_exemplar_boxes_equal_geometric_prompts_of_the_package(image, open_model, monkeypatch, phrase):
    monkeypatch.setattr(sam3, "MIN_SCORE", 0.0)
    model = open_model()
    # The other prompt of the batch has no boxes, so its boxes are padded.
    plain, exemplar = model.predict([{"phrase": "apple"}, {"phrase": phrase, "boxes": BOXES}])
    with cuda_shim("cpu"):
        processor = make_processor(model)
        state = processor.set_image(image)
        state = processor.set_text_prompt(phrase, state) if phrase else state
        for box in BOXES:
            x0, y0, x1, y1 = (box[edge] / (WIDTH if edge[0] == "x" else HEIGHT) for edge in ("x0", "y0", "x1", "y1"))
            relative_box = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
            state = processor.add_geometric_prompt(relative_box, bool(box["label"]), state)
    expected_scores = torch.sort(state["scores"], descending=True, stable=True).values.tolist()
    scores = [prediction.score for prediction in exemplar]
    assert scores == pytest.approx(expected_scores[: len(scores)], abs=1e-3)
    assert [prediction.score for prediction in plain] != pytest.approx(scores, abs=1e-6)


def test_each_phrase_is_encoded_once(image, open_model, monkeypatch):
    model = open_model()
    encoded = []
    forward_text = model.model.backbone.forward_text
    monkeypatch.setattr(
        model.model.backbone,
        "forward_text",
        lambda texts, **kwargs: encoded.append(texts) or forward_text(texts, **kwargs),
    )
    for _ in range(2):
        model.set_image(image)
        model.predict([{"phrase": "apple"}, {"phrase": "pear"}, {"phrase": "apple"}])
    assert encoded == [["apple", "pear"]]


def test_further_keys_of_the_published_file_are_ignored_and_missing_ones_are_an_error(weights):
    model = build_small(SAM3_OPTIONS["architecture"])
    state_dict = read_weights(weights)["model"]
    load_weights(model, {**state_dict, "tracker.extra": torch.zeros(1)}, "sam3.pt", strict=False)
    name, _ = next(model.named_parameters())
    del state_dict[name]
    with pytest.raises(UserError, match=f"1 missing: {name}"):
        load_weights(model, state_dict, "sam3.pt", strict=False)


def test_nms_removes_masks_and_keeps_the_best_one_first(open_model):
    prompts = [{"phrase": phrase, "boxes": None} for phrase in ("apple", "green leaf")]
    without_nms, with_nms = (open_model(**options).predict(prompts) for options in ({}, {"nms": 0.5}))
    for all_masks, best_masks in zip(without_nms, with_nms, strict=True):
        assert 0 < len(best_masks) < len(all_masks)
        assert best_masks[0] == all_masks[0]
        assert set(best_masks) < set(all_masks)


def test_nms_keeps_the_higher_score_and_nan_scores(open_model):
    model = open_model(nms=0.5)
    logits = torch.full((5, 10, 10), -1.0)
    logits[0, :5] = logits[1, :4] = logits[2, 3:6] = logits[3, 8:] = logits[4, :5] = 1.0
    # The IoU of the first two masks is 0.8; the third has 0.33 with the first and 0.17 with the second.
    scores = torch.tensor([0.6, 0.7, 0.5, 0.01, torch.nan])
    selected = [mask.score for mask in model._select_predictions(scores, torch.zeros(5, 4), logits, 0.9)]
    assert sorted(score for score in selected if not np.isnan(score)) == pytest.approx([0.5, 0.7])
    assert np.isnan(selected).sum() == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (8000, 8000)])
def test_images_of_extreme_sizes_have_valid_predictions(size):
    width, height = size
    model = sam3.open_model(SAM3_OPTIONS, SAM3_WEIGHTS, "cpu")
    model.set_image(Image.new("RGB", size, (180, 60, 50)))
    for prediction in model.predict([{"kind": "phrase", "phrase": "apple"}])[0]:
        assert 0 < prediction.area == decode(prediction, height, width).sum() <= width * height


def test_a_phrase_longer_than_the_context_gives_one_warning(open_model):
    long_phrase = " ".join(["red apple"] * 20)
    model = open_model()
    predictions = model.predict([{"kind": "phrase", "phrase": long_phrase}, {"kind": "phrase", "phrase": "apple"}])
    context = SAM3_OPTIONS["architecture"]["context"]
    assert model.warnings == [f"phrase of 42 tokens cut to the model's {context}: {long_phrase!r}"]
    model.predict([{"kind": "phrase", "phrase": long_phrase}])
    assert len(model.warnings) == 1
    assert len(predictions) == 2


def test_a_fixed_presence_leaves_the_scores_of_the_masks_and_keeps_the_presence_apart(open_model, monkeypatch):
    monkeypatch.setattr(sam3, "MIN_SCORE", 0.0)
    prompts = [{"phrase": phrase} for phrase in ("apple", "leaf", "an unripe pear")]
    predicted = open_model().predict(prompts)
    fixed = open_model(presence="fixed").predict(prompts)
    presences = []
    for with_presence, alone in zip(predicted, fixed, strict=True):
        assert len(with_presence) == len(alone) > 0
        (presence,) = {prediction.presence for prediction in [*with_presence, *alone]}
        presences.append(presence)
        # The order of the masks is that of their scores, with or without the common factor.
        for product, score in zip(with_presence, alone, strict=True):
            assert product.score == pytest.approx(score.score * presence, rel=1e-5)
            assert product.rle == score.rle
    assert all(0 < presence < 1 for presence in presences) and len(set(presences)) == 3


def test_the_presence_is_that_of_the_model_as_predicted_by_default(open_model):
    model = open_model()
    assert not model.has_fixed_presence and not open_model(presence="predicted").has_fixed_presence
    assert open_model(presence="fixed").has_fixed_presence


def test_a_phrase_with_a_low_presence_has_masks_only_if_it_is_fixed(open_model, monkeypatch):
    models = [open_model(), open_model(presence="fixed")]
    for model in models:
        forward = model.model.forward_grounding

        def forward_absent(forward=forward, **inputs):
            outputs = forward(**inputs)
            outputs["presence_logit_dec"] = torch.full_like(outputs["presence_logit_dec"], -20.0)
            outputs["pred_logits"] = torch.full_like(outputs["pred_logits"], 2.0)
            return outputs

        monkeypatch.setattr(model.model, "forward_grounding", forward_absent)
    (with_presence,), (alone,) = (model.predict([{"phrase": "apple"}]) for model in models)
    assert list(with_presence) == [] and len(alone) > 0
    assert {round(prediction.score, 3) for prediction in alone} == {0.881}
    assert all(prediction.presence < 1e-6 for prediction in alone)
