"""Reference implementations of mask measures and of matching, on decoded masks of whole images."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, generate_binary_structure
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from samgap.masks import rle
from samgap.matching.shard import match_shard
from tests.helpers.scenes import masks_table, random_tagged_shard

CHOSEN_SCORE = 0.3
"""The score threshold that was chosen for the shards."""


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the IoU of two masks, 1 if both are empty."""
    union = (first | second).sum()
    return (first & second).sum() / union if union else 1.0


def box_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the IoU of two boxes (x0, y0, x1, y1)."""
    common = np.prod(np.maximum(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0))
    return common / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - common)


def boundary_f(first: np.ndarray, second: np.ndarray, tolerance_px: float) -> float:
    """Compute boundary F from distance transforms of both boundaries."""
    cross = generate_binary_structure(2, 1)
    edges = [mask & ~binary_erosion(mask, cross) for mask in (first, second)]
    if not edges[0].any() or not edges[1].any():
        return float(edges[0].any() == edges[1].any())
    distances = [distance_transform_edt(~edge) for edge in edges]
    precision = (distances[1][edges[0]] <= tolerance_px).mean()
    recall = (distances[0][edges[1]] <= tolerance_px).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def davis_f(first: np.ndarray, second: np.ndarray, tolerance_px: int) -> float:
    """Compute DAVIS's `f_measure`: seg2bmap, dilation by a disk, and its cases of empty boundaries."""

    def seg2bmap(mask):
        east, south, south_east = (np.zeros_like(mask) for _ in range(3))
        east[:, :-1], south[:-1], south_east[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
        edge = mask ^ east | mask ^ south | mask ^ south_east
        edge[-1], edge[:, -1] = mask[-1] ^ east[-1], mask[:, -1] ^ south[:, -1]
        edge[-1, -1] = False
        return edge

    reach = np.mgrid[-tolerance_px : tolerance_px + 1, -tolerance_px : tolerance_px + 1]
    disk = (reach**2).sum(axis=0) <= tolerance_px**2
    edges = [seg2bmap(mask) for mask in (first, second)]
    dilated = [binary_dilation(edge, disk) for edge in edges]
    counts = [edge.sum() for edge in edges]
    if not counts[0] or not counts[1]:
        return float(counts[0] == counts[1])
    precision, recall = (edges[0] & dilated[1]).sum() / counts[0], (edges[1] & dilated[0]).sum() / counts[1]
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary_iou(first: np.ndarray, second: np.ndarray, width_px: int) -> float:
    """Compute boundary IoU from bands that `width_px` erosions by 3×3 remove, with background outside the image."""
    bands = [mask & ~binary_erosion(mask, np.ones((3, 3)), iterations=width_px) for mask in (first, second)]
    return iou(*bands)


def hausdorff_distance(first: np.ndarray, second: np.ndarray, quantile: float) -> float:
    """Compute the Hausdorff distance of both boundaries at a quantile."""
    points = [np.argwhere(mask & ~binary_erosion(mask, generate_binary_structure(2, 1))) for mask in (first, second)]
    distances = cdist(*points)
    return max(np.quantile(distances.min(axis=1), quantile), np.quantile(distances.min(axis=0), quantile))


def compute_boundary_measures(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Compute all measures of `samgap.masks.boundaries.compute_boundary_measures`."""
    diagonal = math.hypot(*truth.shape)
    relative = 0.05 * 2 * math.sqrt(truth.sum() / math.pi)
    return {
        **{f"boundary_f_{px}px": boundary_f(prediction, truth, px) for px in (1, 2, 3, 5)},
        "boundary_f_relative": boundary_f(prediction, truth, relative),
        "boundary_f_davis": davis_f(prediction, truth, math.ceil(0.008 * diagonal)),
        "boundary_iou": boundary_iou(prediction, truth, max(round(0.02 * diagonal), 1)),
        "boundary_iou_2px": boundary_iou(prediction, truth, 2),
        "hausdorff_95_px": hausdorff_distance(prediction, truth, 0.95),
    }


@dataclass
class PromptResult:
    """A prompt with its counted masks, their scores and boxes, and its ground-truth instances."""

    prompt: object
    masks: list
    scores: np.ndarray
    boxes: np.ndarray
    instances: list

    def __post_init__(self):
        self.truth_masks = [item.decode_mask() for item in self.instances]
        self.ious = np.array([[iou(mask, truth) for truth in self.truth_masks] for mask in self.masks])
        self.ious = self.ious.reshape(len(self.masks), len(self.truth_masks))
        truth_boxes = [np.array(item.box, float) for item in self.instances]
        box_ious = np.array([[box_iou(box, truth_box) for truth_box in truth_boxes] for box in self.boxes])
        self.box_ious = box_ious.reshape(self.ious.shape)

    def match_one_to_one(self, ious=None, prediction_rows=None):
        """Return (prediction, instance, IoU) of the assignment with the maximum total IoU."""
        ious = self.ious if ious is None else ious
        prediction_rows = np.arange(len(ious)) if prediction_rows is None else prediction_rows
        assignment = zip(*linear_sum_assignment(-ious[prediction_rows]), strict=True)
        return [
            (prediction_rows[row], column, ious[prediction_rows[row], column])
            for row, column in assignment
            if ious[prediction_rows[row], column] > 0
        ]


def add_errors(seed, predictions, prompts, truth):
    """Add masks of apples for absent phrases, and clicks that slowly improve a mask."""
    rng = np.random.default_rng(seed)
    rows = []
    for prompt in prompts.itertuples():
        items = truth.instances_of(prompt.image_id)
        if prompt.kind == "phrase" and not prompt.truth_ids:
            claimed = [item for item in items if rng.random() < 0.5]
            for prediction_id, item in enumerate(claimed, 50):
                rows.append((prompt.prompt_id, prediction_id, prompt.image_id, rng.uniform(0.3, 1), item.decode_mask()))
        if prompt.kind == "clicks":
            (item,) = [item for item in items if item.id in prompt.truth_ids]
            offset = rng.integers(0, 9)
            for click in range(4):
                mask = np.roll(item.decode_mask(), offset + 3 * (3 - click), axis=rng.integers(0, 2))
                rows.append((prompt.prompt_id, click, prompt.image_id, 0.5, mask))
    added = masks_table(rows)
    added["clicks"] = [
        prediction_id + 1 if "clicks" in prompt_id else None
        for prediction_id, prompt_id in zip(added["prediction_id"], added["prompt_id"], strict=True)
    ]
    added[["x0", "y0"]] = rng.uniform(0, 300, (len(added), 2))
    added[["x1", "y1"]] = added[["x0", "y0"]] + rng.uniform(1, 80, (len(added), 2))
    return pd.concat([predictions[predictions["clicks"].isna()], added], ignore_index=True)


class ReferenceShard:
    """A random shard with the tables of the stage `matching`, and methods on its decoded masks."""

    def __init__(self, seed, n_images=6, with_extra_errors=False):
        self.predictions, self.prompts, self.truth, self.images = random_tagged_shard(seed, n_images=n_images)
        if with_extra_errors:
            self.predictions = add_errors(seed, self.predictions, self.prompts, self.truth)
        self.overlaps, self.instances, self.pairs = match_shard(
            self.predictions, self.prompts, self.truth, self.images, 0.5, chosen_score=CHOSEN_SCORE
        )
        self.pairs = self.pairs.set_index("prompt_id", drop=False)
        self.rows_by_prompt = {key: list(rows.itertuples()) for key, rows in self.predictions.groupby("prompt_id")}

    def iter_phrase_prompts(self):
        """Yield the rows of phrase prompts."""
        return self.prompts[self.prompts["kind"] == "phrase"].itertuples()

    def decode_predictions(self, prompt, min_score=0.5):
        """Return (score, mask) of the predictions with at least `min_score`."""
        return [
            (row.score, self.decode_mask(row))
            for row in self.rows_by_prompt.get(prompt.prompt_id, [])
            if row.score >= min_score
        ]

    def decode_mask(self, row):
        """Return the mask of a row of table `masks`, bool (height, width)."""
        return rle.decode({"size": [row.height, row.width], "counts": row.rle})

    def target_instances(self, prompt):
        """Return the instances that a prompt refers to."""
        return [item for item in self.truth.instances_of(prompt.image_id) if item.id in prompt.truth_ids]

    def match_masks(self, masks, instances):
        """Return (mask, instance, IoU) of the assignment with the maximum total IoU."""
        matrix = np.array([[iou(mask, item.decode_mask()) for item in instances] for mask in masks])
        matrix = matrix.reshape(len(masks), len(instances))
        return [(row, column, matrix[row, column]) for row, column in zip(*linear_sum_assignment(-matrix), strict=True)]

    def iter_results(self, *kinds, min_score=0.5):
        """Yield the results of prompts: masks with at least `min_score`, or the mask after the last click."""
        for prompt in self.prompts[self.prompts["kind"].isin(kinds)].itertuples():
            rows = self.rows_by_prompt.get(prompt.prompt_id, [])
            rows = [row for row in rows if row.score >= min_score] if prompt.kind != "clicks" else rows[-1:]
            boxes = np.array([[row.x0, row.y0, row.x1, row.y1] for row in rows], float).reshape(-1, 4)
            scores = np.array([row.score for row in rows])
            items = [] if prompt.truth_ids is None else self.target_instances(prompt)
            yield PromptResult(prompt, [self.decode_mask(row) for row in rows], scores, boxes, items)
