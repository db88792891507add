"""Second versions: what two masks, and the answers of a world, have in common, from whole decoded masks alone."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt, generate_binary_structure
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from samgap import masks as rles
from samgap.matching import measure
from tests.helpers.scenes import masks_table, random_world


def iou(one: np.ndarray, other: np.ndarray) -> float:
    union = (one | other).sum()
    return (one & other).sum() / union if union else 1.0


def box_iou(one: np.ndarray, other: np.ndarray) -> float:
    common = np.prod(np.maximum(np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2]), 0))
    return common / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - common)


def boundary_f(one: np.ndarray, other: np.ndarray, tolerance: float) -> float:
    """By the distance of every pixel to the other boundary."""
    cross = generate_binary_structure(2, 1)
    edges = [mask & ~binary_erosion(mask, cross) for mask in (one, other)]
    if not edges[0].any() or not edges[1].any():
        return float(edges[0].any() == edges[1].any())
    far = [distance_transform_edt(~edge) for edge in edges]
    precision = (far[1][edges[0]] <= tolerance).mean()
    recall = (far[0][edges[1]] <= tolerance).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def davis_f(one: np.ndarray, other: np.ndarray, tolerance: int) -> float:
    """DAVIS's f_measure step by step, on whole images: seg2bmap, dilation by a disk, and its empty cases."""

    def seg2bmap(mask):
        east, south, both = (np.zeros_like(mask) for _ in range(3))
        east[:, :-1], south[:-1], both[:-1, :-1] = mask[:, 1:], mask[1:], mask[1:, 1:]
        edge = mask ^ east | mask ^ south | mask ^ both
        edge[-1], edge[:, -1] = mask[-1] ^ east[-1], mask[:, -1] ^ south[:, -1]
        edge[-1, -1] = False
        return edge

    reach = np.mgrid[-tolerance : tolerance + 1, -tolerance : tolerance + 1]
    disk = (reach**2).sum(axis=0) <= tolerance**2
    edges = [seg2bmap(mask) for mask in (one, other)]
    wide = [binary_dilation(edge, disk) for edge in edges]
    count = [edge.sum() for edge in edges]
    if not count[0] or not count[1]:
        return float(count[0] == count[1])
    precision, recall = (edges[0] & wide[1]).sum() / count[0], (edges[1] & wide[0]).sum() / count[1]
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def band_iou(one: np.ndarray, other: np.ndarray, width: int) -> float:
    """Boundary IoU: a mask less its erosion, one 3×3 step after another, beyond the image background."""
    bands = [mask & ~binary_erosion(mask, np.ones((3, 3)), iterations=width) for mask in (one, other)]
    return iou(*bands)


def hausdorff(one: np.ndarray, other: np.ndarray, share: float) -> float:
    points = [np.argwhere(mask & ~binary_erosion(mask, generate_binary_structure(2, 1))) for mask in (one, other)]
    far = cdist(*points)
    return max(np.quantile(far.min(axis=1), share), np.quantile(far.min(axis=0), share))


def outlines(predicted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """All measures of `samgap.outlines.measures`."""
    diagonal = math.hypot(*truth.shape)
    relative = 0.05 * 2 * math.sqrt(truth.sum() / math.pi)
    return {
        **{f"boundary_f_{px}px": boundary_f(predicted, truth, px) for px in (1, 2, 3, 5)},
        "boundary_f_relative": boundary_f(predicted, truth, relative),
        "boundary_f_davis": davis_f(predicted, truth, math.ceil(0.008 * diagonal)),
        "boundary_iou": band_iou(predicted, truth, max(round(0.02 * diagonal), 1)),
        "boundary_iou_2px": band_iou(predicted, truth, 2),
        "hausdorff_95_px": hausdorff(predicted, truth, 0.95),
    }


@dataclass
class Answer:
    """A prompt, and what counts of its answer: masks, their scores and boxes, and the truth that it asks for."""

    prompt: object
    masks: list
    scores: np.ndarray
    boxes: np.ndarray
    items: list

    def __post_init__(self):
        self.truth = [item.mask() for item in self.items]
        self.ious = np.array([[iou(one, other) for other in self.truth] for one in self.masks])
        self.ious = self.ious.reshape(len(self.masks), len(self.truth))
        truth_boxes = [np.array(item.box, float) for item in self.items]
        box_ious = np.array([[box_iou(one, other) for other in truth_boxes] for one in self.boxes])
        self.box_ious = box_ious.reshape(self.ious.shape)

    def pairs(self, ious=None, rows=None):
        """(prediction, truth, IoU) one to one, the greatest total; of the predictions `rows` alone, if given."""
        ious = self.ious if ious is None else ious
        rows = np.arange(len(ious)) if rows is None else rows
        found = zip(*linear_sum_assignment(-ious[rows]), strict=True)
        return [(rows[row], column, ious[rows[row], column]) for row, column in found if ious[rows[row], column] > 0]


def with_errors(seed, table, prompts, truth):
    """Absent phrases claim apples too, and clicks mend masks slowly."""
    random = np.random.default_rng(seed)
    rows = []
    for prompt in prompts.itertuples():
        items = truth.of(prompt.image_id)
        if prompt.kind == "phrase" and not prompt.truth_ids:
            claimed = [item for item in items if random.random() < 0.5]
            for place, item in enumerate(claimed, 50):
                rows.append((prompt.prompt_id, place, prompt.image_id, random.uniform(0.3, 1), item.mask()))
        if prompt.kind == "clicks":
            (item,) = [item for item in items if item.id in prompt.truth_ids]
            last = random.integers(0, 9)
            for click in range(4):
                mask = np.roll(item.mask(), last + 3 * (3 - click), axis=random.integers(0, 2))
                rows.append((prompt.prompt_id, click, prompt.image_id, 0.5, mask))
    more = masks_table(rows)
    number = more["prediction_id"] + 1
    more["clicks"] = [k if "clicks" in name else None for k, name in zip(number, more["prompt_id"], strict=True)]
    more[["x0", "y0"]] = random.uniform(0, 300, (len(more), 2))
    more[["x1", "y1"]] = more[["x0", "y0"]] + random.uniform(1, 80, (len(more), 2))
    return pd.concat([table[table["clicks"].isna()], more], ignore_index=True)


class Again:
    """A world (`random_world`) with its masks decoded, and the tables that are made of it."""

    def __init__(self, seed, images=6, harder=False):
        self.table, self.prompts, self.truth, self.images = random_world(seed, images=images)
        if harder:
            self.table = with_errors(seed, self.table, self.prompts, self.truth)
        self.overlaps, self.instances, self.pairs = measure(self.table, self.prompts, self.truth, self.images, 0.5)
        self.pairs = self.pairs.set_index("prompt_id", drop=False)
        self.rows = {key: list(rows.itertuples()) for key, rows in self.table.groupby("prompt_id")}

    def phrases(self):
        return self.prompts[self.prompts["kind"] == "phrase"].itertuples()

    def decoded(self, prompt, threshold=0.5):
        """Scores and masks at the threshold or above."""
        return [(row.score, self.mask(row)) for row in self.rows.get(prompt.prompt_id, []) if row.score >= threshold]

    def mask(self, row):
        return rles.decode({"size": [row.height, row.width], "counts": row.rle})

    def wanted(self, prompt):
        return [item for item in self.truth.of(prompt.image_id) if item.id in prompt.truth_ids]

    def found(self, masks, items):
        """Pairs of a one-to-one assignment with their IoU."""
        matrix = np.array([[iou(mask, item.mask()) for item in items] for mask in masks])
        matrix = matrix.reshape(len(masks), len(items))
        return [(row, column, matrix[row, column]) for row, column in zip(*linear_sum_assignment(-matrix), strict=True)]

    def answers(self, *kinds, threshold=0.5):
        """The prompts of `kinds` with all that counts: at the threshold, and of clicks the last mask."""
        for prompt in self.prompts[self.prompts["kind"].isin(kinds)].itertuples():
            rows = self.rows.get(prompt.prompt_id, [])
            kept = [row for row in rows if row.score >= threshold] if prompt.kind != "clicks" else rows[-1:]
            boxes = np.array([[row.x0, row.y0, row.x1, row.y1] for row in kept], float).reshape(-1, 4)
            scores = np.array([row.score for row in kept])
            items = [] if prompt.truth_ids is None else self.wanted(prompt)
            yield Answer(prompt, [self.mask(row) for row in kept], scores, boxes, items)
