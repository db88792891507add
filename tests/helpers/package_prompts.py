"""Prompts on one small image, and the same prompts as the packages' predictors take them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from samgap.masks.clicks import find_next_click
from samgap.models.runtime.clicks import run_click_protocol
from tests.helpers.demo_weights import decode, encode_rectangle, mask_iou

WIDTH, HEIGHT = 90, 60
BOXES = [
    {"x0": 30, "y0": 20, "x1": 60, "y1": 45, "label": 1},
    {"x0": 5, "y0": 5, "x1": 25, "y1": 30, "label": 1},
    {"x0": 50, "y0": 10, "x1": 88, "y1": 58, "label": 1},
]
POINTS = [
    [{"x": 45.5, "y": 30.5, "label": 1}, {"x": 5.5, "y": 3.0, "label": 0}, {"x": 50.0, "y": 33.0, "label": 1}],
    [{"x": 12.0, "y": 15.0, "label": 1}, {"x": 70.0, "y": 40.0, "label": 0}, {"x": 13.0, "y": 14.0, "label": 1}],
    [{"x": 70.0, "y": 40.0, "label": 1}],
]
MASK = encode_rectangle(HEIGHT, WIDTH, slice(20, 40), slice(30, 55))
PROMPTS = {
    "box": [{"kind": "box", "boxes": [box], "points": None} for box in BOXES],
    "point": [{"kind": "point", "boxes": None, "points": points[:1]} for points in POINTS],
    "point-box": [
        {"kind": "point-box", "boxes": [box], "points": points[:1]} for box, points in zip(BOXES, POINTS, strict=True)
    ],
}
"""Kind -> prompts with the columns of table `prompts`."""


def to_package_inputs(prompt: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the points and the box of a prompt as arguments of the packages' predictors."""
    inputs = {}
    if points := prompt.get("points"):
        # The packages take the centre of the first pixel as 0; here it is 0.5.
        inputs["point_coords"] = np.array([[point["x"], point["y"]] for point in points]) - 0.5
        inputs["point_labels"] = np.array([point["label"] for point in points])
    if boxes := prompt.get("boxes"):
        inputs["box"] = np.array([boxes[0][edge] for edge in ("x0", "y0", "x1", "y1")])
    return inputs


def allows_several_masks(prompt: Mapping[str, Any]) -> bool:
    """Return whether the packages predict several masks for a prompt: for at most one point, and no box."""
    return len(prompt.get("points") or []) + 2 * len(prompt.get("boxes") or []) <= 1


def assert_clicks_equal_the_packages(model: Any, n_clicks: int, predict: Callable[..., Any]) -> None:
    """Compare masks after clicks with those of the package, which gets the logits of the mask before.

    Args:
        model: the model with its image set.
        n_clicks: number of clicks on each object.
        predict: the package's function from prompts to masks, predicted IoU and logits.
    """
    ground_truth_masks = [np.zeros((HEIGHT, WIDTH), bool) for _ in range(2)]
    for mask, left in zip(ground_truth_masks, (30, 5), strict=True):
        mask[20:45, left : left + 25] = True
    prompts = [{"kind": "clicks", "points": points[:1], "clicks": n_clicks} for points in POINTS[:2]]
    all_series = run_click_protocol(model, prompts, ground_truth_masks)
    for prompt, ground_truth_mask, series in zip(prompts, ground_truth_masks, all_series, strict=True):
        assert len(series) == n_clicks
        clicks, mask_input = list(prompt["points"]), None
        for prediction in series:
            inputs = to_package_inputs({"points": clicks})
            masks, quality, logits = predict(mask_input=mask_input, multimask_output=mask_input is None, **inputs)
            best = int(np.argmax(quality))
            mask, expected = decode(prediction, HEIGHT, WIDTH), masks[best].astype(bool)
            assert mask_iou(mask, expected) >= 0.999 or not expected.any()
            mask_input = logits[[best]]
            clicks.append(find_next_click(ground_truth_mask, mask))
