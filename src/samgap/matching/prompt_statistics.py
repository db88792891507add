"""What the answers to an image's prompts say beyond one-to-one matches: sweeps, sets, clicks, claims, paraphrases."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from samgap.masks import rle as shapes
from samgap.masks.area_ranges import is_in_area_range
from samgap.matching import coco
from samgap.matching.overlap import MATCH_THRESHOLD, ImageOverlap
from samgap.tables.matching import AREA_LABELS, HIT_KINDS, PAPER_REPO_MEASURES, SCORE_THRESHOLDS

AssignFunction = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, list[int | None]]]
"""From predictions and truth (positions) to those that count, and each truth's prediction or None."""


def rank_predictions(overlap: ImageOverlap, prediction_rows: np.ndarray, truth_columns: np.ndarray) -> dict[str, Any]:
    """Scores, best first, and what masks and boxes hit, for average precision."""
    order = prediction_rows[np.argsort(-overlap.scores[prediction_rows], kind="stable")][: coco.MAX_DETECTIONS]
    wanted = np.concatenate([truth_columns, np.flatnonzero(overlap.is_ignore)])
    crowd, sizes = overlap.is_ignore[wanted], _truth_areas(overlap, wanted)
    shares = overlap.intersection[np.ix_(order, wanted)] / np.maximum(overlap.prediction_area[order], 1)[:, None]
    ious = np.where(crowd, shares, overlap.iou[np.ix_(order, wanted)])
    boxes = overlap.box_iou[np.ix_(order, wanted)]
    found = np.concatenate(
        [
            coco.match_detections(ious, overlap.prediction_area[order], sizes, crowd),
            coco.match_detections(boxes, overlap.prediction_box_area[order], sizes, crowd),
        ]
    )
    rows = {f"hits_{kind}": row for kind, row in zip(HIT_KINDS, found, strict=True)}
    return {"scores": overlap.scores[order].astype(np.float32), **rows}


def count_by_size(overlap: ImageOverlap, truth_columns: np.ndarray) -> dict[str, int]:
    """How many instances are small, medium and large; one on the limit is both, as in pycocotools."""
    areas = _truth_areas(overlap, truth_columns)
    return {f"truth_{size}": int(is_in_area_range(areas, size).sum()) for size in AREA_LABELS}


def sweep_score_thresholds(
    overlap: ImageOverlap, prediction_rows: np.ndarray, truth_columns: np.ndarray, assign: AssignFunction
) -> dict[str, list[int]]:
    """Predictions that count and matches at IoU 0.5, at each of `SCORES`."""
    known: dict[int, tuple[int, int]] = {}
    for kept in (prediction_rows[overlap.scores[prediction_rows] >= score] for score in SCORE_THRESHOLDS):
        if len(kept) not in known:
            counted, of_truth = assign(kept, truth_columns)
            pairs = [(row, column) for row, column in zip(of_truth, truth_columns, strict=True) if row is not None]
            known[len(kept)] = sum(overlap.iou[pair] >= MATCH_THRESHOLD for pair in pairs), len(counted)
    found = [known[int((overlap.scores[prediction_rows] >= score).sum())] for score in SCORE_THRESHOLDS]
    return {"sweep_tp": [int(tp) for tp, _ in found], "sweep_predicted": [count for _, count in found]}


def union_overlap(overlap: ImageOverlap, counted_rows: np.ndarray, truth_columns: np.ndarray) -> dict[str, Any]:
    """All predictions together against all truth together, and which share of each lies off it."""
    found = {"truth_px": 0, "predicted_px": 0, "common_px": 0, "sum_off": 0.0}
    truth = [overlap.merge_truth(truth_columns)] if len(truth_columns) else []
    answer = [shapes.merge([overlap.prediction_rles[number] for number in counted_rows])] if len(counted_rows) else []
    found["truth_px"], found["predicted_px"] = (int(shapes.areas(each).sum()) for each in (truth, answer))
    found["common_px"] = int(shapes.intersections(answer, truth).sum())
    found["sum_off"] = float((1 - overlap.share_inside(counted_rows, truth_columns)).sum())
    return found


def recalled_any(overlap: ImageOverlap, counted_rows: np.ndarray, truth_columns: np.ndarray) -> int:
    """Instances that some prediction has IoU 0.5 with; one prediction may cover several."""
    return (
        int((overlap.iou[np.ix_(counted_rows, truth_columns)] >= MATCH_THRESHOLD).any(axis=0).sum())
        if len(counted_rows)
        else 0
    )


def index_paired(overlap: ImageOverlap, counted_rows: np.ndarray, truth_columns: np.ndarray) -> dict[str, float]:
    """Sums over predictions and instances paired as they stand in their lists, as the published code does."""
    pairs = list(zip(counted_rows, truth_columns, strict=False))
    rows = np.array([overlap.index_paired_measures(*pair) for pair in pairs]).reshape(-1, len(PAPER_REPO_MEASURES))
    return {
        "upstream_n": len(pairs),
        **{f"upstream_{name}": rows[:, k].sum() for k, name in enumerate(PAPER_REPO_MEASURES)},
    }


def click_ious(overlap: ImageOverlap, prediction_rows: np.ndarray, truth_columns: np.ndarray) -> list[float] | None:
    """IoU after each click; None where the prompt is asked once."""
    given = overlap.masks["clicks"].iloc[prediction_rows]
    if given.isna().any() or not len(given) or not len(truth_columns):
        return None
    return [
        float(overlap.iou[prediction_rows[place], truth_columns[0]]) for place in np.argsort(given.to_numpy(np.int64))
    ]


def match_by_nouns(overlap: ImageOverlap, counted_rows: np.ndarray, nouns: set[str]) -> dict[int, float]:
    """Instances of `nouns` (positions) that a phrase's predictions find at IoU 0.5, one to one, with their scores."""
    candidates = _columns_of_nouns(overlap, nouns)
    ious = overlap.match_iou[np.ix_(counted_rows, candidates)]
    at, to = linear_sum_assignment(ious, maximize=True)
    good = ious[at, to] >= MATCH_THRESHOLD
    pairs = zip(candidates[to[good]], overlap.scores[counted_rows[at[good]]], strict=True)
    return {int(column): float(score) for column, score in pairs}


def attribute_decisions(
    overlap: ImageOverlap, matched_scores: Mapping[int, float], truth_columns: np.ndarray, nouns: set[str]
) -> dict[str, int]:
    candidates, wanted = _columns_of_nouns(overlap, nouns), set(truth_columns.tolist())
    right = sum((column in matched_scores) == (column in wanted) for column in candidates.tolist())
    return {"n_candidates": len(candidates), "n_decided": right}


def claim_attributes(phrases: list[tuple[Any, np.ndarray, dict[int, float]]]) -> dict[str, list[tuple[str, int]]]:
    """For each phrase of a single attribute: its truth by the value claimed for it, "" where none is.

    `answers` are (prompt, truth, decisions) of the phrases of an image. Phrases of the same nouns and attribute
    compete for an instance; that which finds it with the greatest score has it.
    """
    groups = defaultdict(list)
    for prompt, columns, found in phrases:
        asked = dict(prompt.attributes or ())
        if len(asked) == 1:
            ((name, value),) = asked.items()
            groups[tuple(sorted(prompt.nouns)), name].append((value, prompt.prompt_id, columns, found))
    claimed = {}
    for group in groups.values():
        best: dict[int, tuple[float, str]] = {}
        for value, _, _, found in sorted(group, key=lambda row: row[:2]):
            for column, score in found.items():
                if score > best.get(column, (-1.0, ""))[0]:
                    best[column] = (score, value)
        for _, key, columns, _ in group:
            counts = Counter(best.get(int(column), (0.0, ""))[1] for column in columns)
            claimed[key] = sorted(counts.items())
    return claimed


def paraphrase_agreement(overlap: ImageOverlap, prompts: list[tuple[Any, np.ndarray]]) -> dict[str, tuple[int, float]]:
    """For each prompt of a concept: how many other paraphrases were asked, and the sum of the IoU of all masks."""
    groups = defaultdict(list)
    for prompt, counted in prompts:
        if pd.notna(prompt.concept):
            masks = [overlap.prediction_rles[number] for number in counted]
            groups[prompt.concept].append((prompt.prompt_id, [shapes.merge(masks)] if masks else []))
    found: dict[str, tuple[int, float]] = {}
    for group in groups.values():
        total: dict[str, float] = defaultdict(float)
        for (key, one), (other_key, other) in combinations(group, 2):
            areas = int(shapes.areas(one).sum()), int(shapes.areas(other).sum())
            iou = float(shapes.iou(shapes.intersections(one, other).sum(), np.array(areas[0]), np.array(areas[1])))
            total[key] += iou
            total[other_key] += iou
        found |= {key: (len(group) - 1, total[key]) for key, _ in group}
    return found


def _truth_areas(overlap: ImageOverlap, truth_columns: np.ndarray) -> np.ndarray:
    """px, of masks; of boxes where an instance has no mask."""
    boxes = overlap.truth_boxes[truth_columns]
    return np.where(
        overlap.has_mask[truth_columns], overlap.truth_area[truth_columns], np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    )


def _columns_of_nouns(overlap: ImageOverlap, nouns: set[str]) -> np.ndarray:
    wanted = [k for k, item in enumerate(overlap.instances) if item.noun in nouns and not item.ignore]
    return np.array(wanted, np.int64)
