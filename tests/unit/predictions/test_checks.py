"""Validation of prompts: an invalid one is skipped with a warning. Predictions that are not finite are reported."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from samgap.errors import UserError
from samgap.models import shape
from samgap.models.runtime.predictions import logits_to_predictions
from samgap.predictions.checks import ModelLabel, check_finite_share, describe_model, find_prompt_fault
from samgap.predictions.shard import predict_images

IMAGE = {"image_id": 1, "file": "1.png", "width": 40, "height": 30}
BOX = {"x0": 5, "y0": 5, "x1": 15, "y1": 25, "label": 1}
NAN = float("nan")


def make_box_prompt(**edges):
    return {"kind": "box", "boxes": [{**BOX, **edges}]}


def make_point_prompt(x, y):
    return {"kind": "point", "points": [{"x": x, "y": y, "label": 1}]}


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        (make_box_prompt(x1=5), r"box \(5, 5, 5, 25\) has no area"),
        (make_box_prompt(y0=25, y1=5), "has no area"),
        (make_box_prompt(x0=NAN), "has a coordinate that is not a finite number"),
        (make_box_prompt(x1=float("inf")), "has a coordinate that is not a finite number"),
        (make_box_prompt(x0=50, x1=60), "is outside the image of 40x30 px"),
        (make_point_prompt(40, 3), r"point \(40, 3\) is outside the image of 40x30 px"),
        (make_point_prompt(3, -0.5), "is outside"),
        (make_point_prompt(NAN, 3), "has a coordinate that is not a finite number"),
        ({"kind": "phrase", "phrase": "  "}, "its phrase is empty"),
        ({"kind": "other", "phrase": None}, "its phrase is empty"),
        ({"kind": "point", "points": []}, "has no point, no box and no mask"),
        ({"kind": "grid", "points": []}, "has no point, no box and no mask"),
    ],
)
def test_an_invalid_prompt_has_a_reason(prompt, reason):
    assert re.search(reason, find_prompt_fault({"points": None, "boxes": None, **prompt}, IMAGE))


@pytest.mark.parametrize(
    "prompt",
    [
        make_box_prompt(),
        make_box_prompt(x0=-3, x1=60),
        make_point_prompt(0, 0),
        make_point_prompt(39.9, 29.9),
        {"kind": "phrase", "phrase": "apple"},
        {"kind": "phrase", "phrase": None, "boxes": np.array([BOX])},
        {"kind": "track", "boxes": None},
    ],
)
def test_a_valid_prompt_has_no_reason(prompt):
    assert find_prompt_fault({"points": None, **prompt}, IMAGE) is None


def test_the_valid_prompts_of_an_image_are_predicted_and_the_others_listed(tmp_path):
    Image.new("RGB", (40, 30)).save(tmp_path / "1.png")
    boxes = [BOX, {**BOX, "x1": 5}, {**BOX, "y1": 20}]
    prompts = pd.DataFrame(
        [{"prompt_id": f"1-{n}", "image_id": 1, "kind": "box", "boxes": [box]} for n, box in enumerate(boxes)]
    )
    (output,) = predict_images(shape.Shape("box"), pd.DataFrame([IMAGE]), tmp_path, prompts, "cpu")
    assert [row["prompt_id"] for row in output.mask_rows] == ["1-0", "1-2"]
    assert output.unpredicted == ["1-1"]
    assert output.warnings == ["prompt 1-1 of image 1.png skipped: box (5, 5, 5, 25) has no area"]
    assert output.timing_rows[0]["n_prompts"] == 2


def test_a_prompt_with_a_nan_score_is_skipped_and_listed(tmp_path):
    class NanScores(shape.Shape):
        def predict(self, prompts):
            logits = torch.full((2, 30, 40), 1.0)
            logits[1] = -1.0
            all_scores = np.array([0.9, 1.7]), np.array([0.9, NAN])
            return [logits_to_predictions(scores, None, logits, (30, 40)) for scores in all_scores]

    Image.new("RGB", (40, 30)).save(tmp_path / "1.png")
    prompts = pd.DataFrame(
        [{"prompt_id": f"1-{n}", "image_id": 1, "kind": "phrase", "phrase": "apple"} for n in range(2)]
    )
    (output,) = predict_images(NanScores("box"), pd.DataFrame([IMAGE]), tmp_path, prompts, "cpu")
    assert [(row["prompt_id"], row["score"], row["area_px"]) for row in output.mask_rows] == [("1-0", 0.9, 1200)]
    (warning,) = output.warnings
    assert warning.startswith(
        "prompt 1-1 of image 1.png skipped: a score or mask of its predictions is NaN or infinite"
    )
    assert (output.not_finite_images, output.unpredicted) == (["1.png"], ["1-1"])


@pytest.mark.parametrize(("n_not_finite", "n_prompts"), [(0, 0), (0, 3), (1, 2), (50, 100)])
def test_up_to_half_of_the_predictions_may_be_not_finite(n_not_finite, n_prompts):
    check_finite_share(["1.png"] * n_not_finite, n_prompts, ModelLabel("sam9"))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, r"^model sam9 \(precision fp32\): .* of 2 of 3 prompts .*first on image 7\.png; try other weights"),
        (
            {"precision": "bf16"},
            r"^model sam9 \(precision bf16\): .*7\.png; try `precision: fp32` in the model's entry$",
        ),
        ({"parts": {"detector": {"precision": "bf16"}, "segmenter": {}}}, r"^model sam9 \(precision bf16, fp32\): "),
    ],
)
def test_more_are_an_error_with_the_model_its_precision_and_the_image(options, expected):
    with pytest.raises(UserError, match=expected):
        check_finite_share(["7.png", "8.png"], 3, describe_model("sam9", options))


def test_the_id_of_a_model_does_not_decide_the_remedy():
    with pytest.raises(UserError, match="try other weights or another GPU$"):
        check_finite_share(["7.png"], 1, describe_model("sam3-bf16", {}))
