"""Validation scores of a training with phrases."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from samgap.masks import rle
from samgap.training.validation import compute_validation_scores
from tests.helpers.scenes import make_ground_truth, square_mask

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
