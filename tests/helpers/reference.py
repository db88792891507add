"""Second versions: what two masks, and the answers of a world, have in common, from whole decoded masks alone."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, generate_binary_structure
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from samgap.masks import rle as rles
from samgap.matching.shard import match_shard
from tests.helpers.scenes import masks_table, random_tagged_shard


def iou(first: np.ndarray, second: np.ndarray) -> float:
    union = (first | second).sum()
    return (first & second).sum() / union if union else 1.0


def box_iou(first: np.ndarray, second: np.ndarray) -> float:
    common = np.prod(np.maximum(np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2]), 0))
    return common / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - common)


def boundary_f(first: np.ndarray, second: np.ndarray, tolerance_px: float) -> float:
    """By the distance of every pixel to the other boundary."""
    cross = generate_binary_structure(2, 1)
    edges = [mask & ~binary_erosion(mask, cross) for mask in (first, second)]
    if not edges[0].any() or not edges[1].any():
        return float(edges[0].any() == edges[1].any())
    far = [distance_transform_edt(~edge) for edge in edges]
    precision = (far[1][edges[0]] <= tolerance_px).mean()
    recall = (far[0][edges[1]] <= tolerance_px).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def davis_f(first: np.ndarray, second: np.ndarray, tolerance_px: int) -> float:
    """DAVIS's f_measure step by step, on whole images: seg2bmap, dilation by a disk, and its empty cases."""

    def seg2bmap(mask):
        east, south, both = (np.zeros_like(mask) for _ in range(3))
        east[:, :-1], south[:-1], both[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
        edge = mask ^ east | mask ^ south | mask ^ both
        edge[-1], edge[:, -1] = mask[-1] ^ east[-1], mask[:, -1] ^ south[:, -1]
        edge[-1, -1] = False
        return edge

    reach = np.mgrid[-tolerance_px : tolerance_px + 1, -tolerance_px : tolerance_px + 1]
    disk = (reach**2).sum(axis=0) <= tolerance_px**2
    edges = [seg2bmap(mask) for mask in (first, second)]
    wide = [binary_dilation(edge, disk) for edge in edges]
    count = [edge.sum() for edge in edges]
    if not count[0] or not count[1]:
        return float(count[0] == count[1])
    precision, recall = (edges[0] & wide[1]).sum() / count[0], (edges[1] & wide[0]).sum() / count[1]
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def boundary_iou(first: np.ndarray, second: np.ndarray, width_px: int) -> float:
    """Boundary IoU: a mask less its erosion, one 3×3 step after another, beyond the image background."""
    bands = [mask & ~binary_erosion(mask, np.ones((3, 3)), iterations=width_px) for mask in (first, second)]
    return iou(*bands)


def hausdorff_distance(first: np.ndarray, second: np.ndarray, quantile: float) -> float:
    points = [np.argwhere(mask & ~binary_erosion(mask, generate_binary_structure(2, 1))) for mask in (first, second)]
    far = cdist(*points)
    return max(np.quantile(far.min(axis=1), quantile), np.quantile(far.min(axis=0), quantile))


def compute_boundary_measures(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """All measures of `samgap.masks.boundaries.measures`."""
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
    """A prompt, and what counts of its answer: masks, their scores and boxes, and the truth that it asks for."""

    prompt: object
    masks: list
    scores: np.ndarray
    boxes: np.ndarray
    instances: list

    def __post_init__(self):
        self.truth_masks = [item.decode_mask() for item in self.instances]
        self.ious = np.array([[iou(one, other) for other in self.truth_masks] for one in self.masks])
        self.ious = self.ious.reshape(len(self.masks), len(self.truth_masks))
        truth_boxes = [np.array(item.box, float) for item in self.instances]
        box_ious = np.array([[box_iou(one, other) for other in truth_boxes] for one in self.boxes])
        self.box_ious = box_ious.reshape(self.ious.shape)

    def match_one_to_one(self, ious=None, prediction_rows=None):
        """(prediction, truth, IoU) one to one, the greatest total; of the predictions `rows` alone, if given."""
        ious = self.ious if ious is None else ious
        prediction_rows = np.arange(len(ious)) if prediction_rows is None else prediction_rows
        found = zip(*linear_sum_assignment(-ious[prediction_rows]), strict=True)
        return [
            (prediction_rows[row], column, ious[prediction_rows[row], column])
            for row, column in found
            if ious[prediction_rows[row], column] > 0
        ]


def add_errors(seed, predictions, prompts, truth):
    """Absent phrases claim apples too, and clicks mend masks slowly."""
    random = np.random.default_rng(seed)
    rows = []
    for prompt in prompts.itertuples():
        items = truth.instances_of(prompt.image_id)
        if prompt.kind == "phrase" and not prompt.truth_ids:
            claimed = [item for item in items if random.random() < 0.5]
            for place, item in enumerate(claimed, 50):
                rows.append((prompt.prompt_id, place, prompt.image_id, random.uniform(0.3, 1), item.decode_mask()))
        if prompt.kind == "clicks":
            (item,) = [item for item in items if item.id in prompt.truth_ids]
            last = random.integers(0, 9)
            for click in range(4):
                mask = np.roll(item.decode_mask(), last + 3 * (3 - click), axis=random.integers(0, 2))
                rows.append((prompt.prompt_id, click, prompt.image_id, 0.5, mask))
    more = masks_table(rows)
    number = more["prediction_id"] + 1
    more["clicks"] = [k if "clicks" in name else None for k, name in zip(number, more["prompt_id"], strict=True)]
    more[["x0", "y0"]] = random.uniform(0, 300, (len(more), 2))
    more[["x1", "y1"]] = more[["x0", "y0"]] + random.uniform(1, 80, (len(more), 2))
    return pd.concat([predictions[predictions["clicks"].isna()], more], ignore_index=True)


class ReferenceShard:
    """A world (`random_world`) with its masks decoded, and the tables that are made of it."""

    def __init__(self, seed, n_images=6, with_extra_errors=False):
        self.predictions, self.prompts, self.truth, self.images = random_tagged_shard(seed, n_images=n_images)
        if with_extra_errors:
            self.predictions = add_errors(seed, self.predictions, self.prompts, self.truth)
        self.overlaps, self.instances, self.pairs = match_shard(
            self.predictions, self.prompts, self.truth, self.images, 0.5
        )
        self.pairs = self.pairs.set_index("prompt_id", drop=False)
        self.rows_by_prompt = {key: list(rows.itertuples()) for key, rows in self.predictions.groupby("prompt_id")}

    def iter_phrase_prompts(self):
        return self.prompts[self.prompts["kind"] == "phrase"].itertuples()

    def decode_predictions(self, prompt, min_score=0.5):
        """Scores and masks at the threshold or above."""
        return [
            (row.score, self.decode_mask(row))
            for row in self.rows_by_prompt.get(prompt.prompt_id, [])
            if row.score >= min_score
        ]

    def decode_mask(self, row):
        return rles.decode({"size": [row.height, row.width], "counts": row.rle})

    def target_instances(self, prompt):
        return [item for item in self.truth.instances_of(prompt.image_id) if item.id in prompt.truth_ids]

    def match_masks(self, masks, instances):
        """Pairs of a one-to-one assignment with their IoU."""
        matrix = np.array([[iou(mask, item.decode_mask()) for item in instances] for mask in masks])
        matrix = matrix.reshape(len(masks), len(instances))
        return [(row, column, matrix[row, column]) for row, column in zip(*linear_sum_assignment(-matrix), strict=True)]

    def iter_results(self, *kinds, min_score=0.5):
        """The prompts of `kinds` with all that counts: at the threshold, and of clicks the last mask."""
        for prompt in self.prompts[self.prompts["kind"].isin(kinds)].itertuples():
            rows = self.rows_by_prompt.get(prompt.prompt_id, [])
            kept = [row for row in rows if row.score >= min_score] if prompt.kind != "clicks" else rows[-1:]
            boxes = np.array([[row.x0, row.y0, row.x1, row.y1] for row in kept], float).reshape(-1, 4)
            scores = np.array([row.score for row in kept])
            items = [] if prompt.truth_ids is None else self.target_instances(prompt)
            yield PromptResult(prompt, [self.decode_mask(row) for row in kept], scores, boxes, items)
