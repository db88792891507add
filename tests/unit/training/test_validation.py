"""Validation scores of predictions whose matches are known, on one image with two large apples."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from samgap.annotations.ground_truth import read_ground_truth
from samgap.masks import rle
from samgap.models import Prediction
from samgap.training.validation import compute_validation_scores
from tests.helpers.scenes import make_ground_truth, square_mask
from tests.helpers.training_data import APPLE_BOXES, APPLE_IMAGE_SIDE, APPLE_PHRASES, write_apples


def predict(x0, y0, x1, y1, score=0.9):
    """Return the prediction of a rectangle."""
    mask = np.zeros((APPLE_IMAGE_SIDE, APPLE_IMAGE_SIDE), bool)
    mask[y0:y1, x0:x1] = True
    return Prediction(score, (x0, y0, x1, y1), int(mask.sum()), rle.encode(mask)["counts"])


class FakeModel:
    """Returns given predictions for the phrases."""

    def __init__(self, *predictions):
        self.predictions = predictions

    def set_image(self, image):
        assert image.size == (APPLE_IMAGE_SIDE, APPLE_IMAGE_SIDE)

    def predict(self, prompts):
        return self.predictions


@pytest.fixture
def compute_scores(tmp_path):
    """Function that returns the scores of predictions of "apple", "large apple" and the absent "small apple"."""
    source = write_apples(tmp_path)
    truth = replace(read_ground_truth(source.ground_truth_path), attributes={"size": ("large", "small")})
    phrases = [*APPLE_PHRASES[:2], {"phrase": "small apple", "noun": "apple", "attributes": {"size": "small"}}]

    def compute(*predictions, **options):
        return compute_validation_scores(FakeModel(*predictions), source, truth, phrases, **options)

    return compute


APPLES = [predict(*box) for box in APPLE_BOXES]


def test_perfect_predictions_have_scores_of_one(compute_scores):
    scores = compute_scores(APPLES, APPLES, [])
    assert scores == {"val_f1": 1.0, "val_f1_first": 1.0, "val_matched_iou": 1.0, "val_il_mcc": 1.0}


def test_missed_instances_and_false_positives_lower_the_scores(compute_scores):
    # "apple": one match and one missed; "large apple": nothing; "small apple": a false positive.
    half = predict(10, 20, 30, 35)  # 15 of the 20 rows of the first apple
    scores = compute_scores([half], [], [APPLES[0]])
    assert scores["val_f1_first"] == pytest.approx(2 * 1 / (1 + 2))
    assert scores["val_f1"] == pytest.approx(2 * 1 / (1 + 2 + 2 + 1))
    assert scores["val_matched_iou"] == pytest.approx(15 / 20)
    # Present: one phrase of two is found; absent: the phrase has a prediction.
    assert scores["val_il_mcc"] == pytest.approx((1 * 0 - 1 * 1) / np.sqrt(2 * 2 * 1 * 1))


def test_a_mask_below_iou_one_half_is_no_match(compute_scores):
    scores = compute_scores([predict(10, 20, 30, 29)], [], [])  # 9 of 20 rows
    assert scores["val_f1"] == 0 and scores["val_matched_iou"] == 0


def test_predictions_below_the_score_threshold_do_not_count(compute_scores):
    low = [predict(*box, score=0.4) for box in APPLE_BOXES]
    assert compute_scores(low, low, low)["val_f1"] == 0
    assert compute_scores(low, low, [], score_threshold=0.4)["val_f1"] == 1


def test_without_images_all_scores_are_zero(compute_scores):
    assert set(compute_scores([], [], [], max_images=0).values()) == {0.0}


APPLE = square_mask(2, 2, 6)


class PresenceModel:
    """Predicts an apple on the images whose red channel is above 0."""

    def set_image(self, image):
        self.has_apple = np.asarray(image)[0, 0, 0] > 0

    def predict(self, phrases):
        prediction = SimpleNamespace(score=0.9, rle=rle.encode(APPLE)["counts"])
        return [[prediction] if self.has_apple else [] for _ in phrases]


@pytest.mark.parametrize("predicts_ignored", [False, True])
def test_an_image_with_ignored_apples_alone_is_neither_present_nor_absent(tmp_path: Path, predicts_ignored) -> None:
    # Images 1 and 2: an apple, found and missed. Images 3 and 4: none, with a false mask in 4. Image 5: ignored.
    scene = {1: [False], 2: [False], 3: [], 4: [], 5: [True]}
    instances = {key: [(key, APPLE, ignore) for ignore in ignored] for key, ignored in scene.items()}
    truth = make_ground_truth(instances)
    for key in scene:
        red = 255 * (key in (1, 4) or (key == 5 and predicts_ignored))
        Image.new("RGB", (30, 24), (red, 0, 0)).save(tmp_path / f"{key}.png")
    source = SimpleNamespace(image_folder=tmp_path)
    scores = compute_validation_scores(PresenceModel(), source, truth, [{"phrase": "apple", "noun": "apple"}])
    assert scores["val_il_mcc"] == 0  # one right and one wrong decision for present and for absent images
    without = replace(truth, images={key: image for key, image in truth.images.items() if key != 5})
    assert (
        compute_validation_scores(PresenceModel(), source, without, [{"phrase": "apple", "noun": "apple"}])[
            "val_il_mcc"
        ]
        == scores["val_il_mcc"]
    )


def test_instances_without_masks_count_for_presence_alone(tmp_path):
    source = write_apples(tmp_path, boxes_only=True)
    truth = replace(read_ground_truth(source.ground_truth_path), nouns=frozenset({"apple", "plum"}))
    phrases = [APPLE_PHRASES[0], APPLE_PHRASES[2]]
    scores = compute_validation_scores(FakeModel(APPLES, []), source, truth, phrases)
    assert scores == {"val_il_mcc": 1.0}


def test_without_phrases_there_are_no_scores(tmp_path):
    source = write_apples(tmp_path)
    assert compute_validation_scores(FakeModel(), source, read_ground_truth(source.ground_truth_path), []) == {}
