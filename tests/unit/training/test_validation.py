"""Validation scores of predictions whose matches are known: the metrics of a run, with intervals, on all images."""

import numpy as np
import pytest
from PIL import Image

from samgap.io.files import write_json
from samgap.masks import rle
from samgap.models import Prediction
from samgap.training.tasks import DatasetSource
from samgap.training.validation import ValidationPrompts, Validator

SIDE, N_IMAGES = 60, 12
BOX = (10, 10, 30, 30)
PHRASES = [{"phrase": "apple", "noun": "apple"}, {"phrase": "pear", "noun": "pear"}]


def predict(x0, y0, x1, y1, score=0.9):
    """Return the prediction of a rectangle."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[y0:y1, x0:x1] = True
    return Prediction(score, (x0, y0, x1, y1), int(mask.sum()), rle.encode(mask)["counts"])


class FakeModel:
    """Predicts a rectangle on each image: the object's where the image is bright, half of it on others."""

    def __init__(self, for_phrases=False):
        self.for_phrases, self.n_images = for_phrases, 0

    def set_image(self, image):
        self.n_images += 1
        self.is_bright = np.asarray(image).mean() > 100

    def predict(self, prompts):
        prediction = predict(*BOX) if self.is_bright else predict(10, 10, 20, 30)
        return [[prediction] if prompt.get("phrase") != "pear" else [] for prompt in prompts]


@pytest.fixture
def source(tmp_path):
    """Images with an apple, half of them bright; there are no pears."""
    mask = np.zeros((SIDE, SIDE), bool)
    mask[BOX[1] : BOX[3], BOX[0] : BOX[2]] = True
    images, annotations = [], []
    for number in range(1, N_IMAGES + 1):
        Image.new("RGB", (SIDE, SIDE), (200, 200, 200) if number % 2 else (20, 20, 20)).save(tmp_path / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": SIDE, "height": SIDE, "group": f"{number}"})
        segmentation = {"size": [SIDE, SIDE], "counts": rle.encode(mask)["counts"].decode()}
        row = {"id": number, "image_id": number, "category_id": 1, "bbox": [10, 10, 20, 20], "area": 400}
        annotations.append({**row, "segmentation": segmentation})
    categories = [{"id": 1, "name": "apple"}, {"id": 2, "name": "pear"}]
    info = {"nouns": ["apple", "pear"], "attributes": {}}
    content = {"info": info, "images": images, "annotations": annotations, "categories": categories}
    write_json(tmp_path / "instances.json", content)
    return DatasetSource(tmp_path, tmp_path / "instances.json", "orchard")


def test_box_prompts_have_the_mean_iou_of_all_images_with_its_interval(source):
    model, prompts = FakeModel(), ValidationPrompts("box", {}, {"iou": "val_box_iou"})
    score = Validator(source, [prompts]).compute_scores(model, "cpu")["val_box_iou"]
    assert model.n_images == score.n == N_IMAGES
    assert score.value == pytest.approx(0.75)  # 1 and 0.5
    # The standard error of the mean of 12 values, half of them 1 and half 0.5, is 0.072.
    assert score.lower == pytest.approx(0.75 - 0.072 * 2.3, abs=0.04)
    assert score.upper == pytest.approx(0.75 + 0.072 * 2.3, abs=0.04)


def test_phrases_have_the_metrics_of_phrases(source):
    prompts = ValidationPrompts("phrases", {"phrases": PHRASES}, {"f1-50": "val_f1_50", "il-mcc": "val_il_mcc"})
    scores = Validator(source, [prompts]).compute_scores(FakeModel(), "cpu")
    assert scores["val_f1_50"].value == pytest.approx(1) and scores["val_il_mcc"].value == pytest.approx(1)


def test_fewer_images_are_the_first_ones(source):
    model, prompts = FakeModel(), ValidationPrompts("box", {}, {"iou": "val_box_iou"})
    score = Validator(source, [prompts], max_images=5).compute_scores(model, "cpu")["val_box_iou"]
    assert model.n_images == score.n == 5
    assert score.value == pytest.approx((3 * 1 + 2 * 0.5) / 5)


def test_scores_are_the_same_each_time(source):
    validator = Validator(source, [ValidationPrompts("box", {}, {"iou": "val_box_iou"})])
    assert validator.compute_scores(FakeModel(), "cpu") == validator.compute_scores(FakeModel(), "cpu")


def test_a_metric_that_nothing_defines_is_left_out(source):
    content_prompts = ValidationPrompts("phrases", {"phrases": PHRASES[:1]}, {"il-mcc": "val_il_mcc"})
    assert Validator(source, [content_prompts]).compute_scores(FakeModel(), "cpu") == {}
