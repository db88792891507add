"""What the answers to an image's prompts say beyond one-to-one matches: sweeps, sets, clicks, claims, paraphrases."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from samgap import masks as shapes
from samgap import ranking
from samgap.overlap import MATCH, Overlap
from samgap.tables import KINDS_OF_HITS, SCORES, SIZES, UPSTREAM

Assign = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, list[int | None]]]
"""From predictions and truth (positions) to those that count, and each truth's prediction or None."""


def ranked(image: Overlap, mine: np.ndarray, columns: np.ndarray) -> dict[str, Any]:
    """Scores, best first, and what masks and boxes hit, for average precision."""
    order = mine[np.argsort(-image.scores[mine], kind="stable")][: ranking.DETECTIONS]
    wanted = np.concatenate([columns, np.flatnonzero(image.ignore)])
    crowd, sizes = image.ignore[wanted], _areas(image, wanted)
    shares = image.intersection[np.ix_(order, wanted)] / np.maximum(image.area[order], 1)[:, None]
    ious = np.where(crowd, shares, image.iou[np.ix_(order, wanted)])
    boxes = image.box_iou[np.ix_(order, wanted)]
    found = np.concatenate(
        [
            ranking.hits(ious, image.area[order], sizes, crowd),
            ranking.hits(boxes, image.box_area[order], sizes, crowd),
        ]
    )
    rows = {f"hits_{kind}": row for kind, row in zip(KINDS_OF_HITS, found, strict=True)}
    return {"scores": image.scores[order].astype(np.float32), **rows}


def sizes(image: Overlap, columns: np.ndarray) -> dict[str, int]:
    """How many instances are small, medium and large; one on the limit is both, as in pycocotools."""
    areas = _areas(image, columns)
    limits = {size: ranking.LIMITS[size] for size in SIZES}
    return {f"truth_{size}": int(((areas >= low) & (areas <= high)).sum()) for size, (low, high) in limits.items()}


def sweep(image: Overlap, mine: np.ndarray, columns: np.ndarray, assign: Assign) -> dict[str, list[int]]:
    """Predictions that count and matches at IoU 0.5, at each of `SCORES`."""
    known: dict[int, tuple[int, int]] = {}
    for kept in (mine[image.scores[mine] >= score] for score in SCORES):
        if len(kept) not in known:
            counted, of_truth = assign(kept, columns)
            pairs = [(row, column) for row, column in zip(of_truth, columns, strict=True) if row is not None]
            known[len(kept)] = sum(image.iou[pair] >= MATCH for pair in pairs), len(counted)
    found = [known[int((image.scores[mine] >= score).sum())] for score in SCORES]
    return {"sweep_tp": [int(tp) for tp, _ in found], "sweep_predicted": [count for _, count in found]}


def sets(image: Overlap, counted: np.ndarray, columns: np.ndarray) -> dict[str, Any]:
    """All predictions together against all truth together, and which share of each lies off it."""
    found = {"truth_px": 0, "predicted_px": 0, "common_px": 0, "sum_off": 0.0}
    truth = [image.union_of(columns)] if len(columns) else []
    answer = [shapes.union([image.predictions[number] for number in counted])] if len(counted) else []
    found["truth_px"], found["predicted_px"] = (int(shapes.areas(each).sum()) for each in (truth, answer))
    found["common_px"] = int(shapes.intersections(answer, truth).sum())
    found["sum_off"] = float((1 - image.share_on(counted, columns)).sum())
    return found


def covered(image: Overlap, counted: np.ndarray, columns: np.ndarray) -> int:
    """Instances that some prediction has IoU 0.5 with; one prediction may cover several."""
    return int((image.iou[np.ix_(counted, columns)] >= MATCH).any(axis=0).sum()) if len(counted) else 0


def by_place(image: Overlap, counted: np.ndarray, columns: np.ndarray) -> dict[str, float]:
    """Sums over predictions and instances paired as they stand in their lists, as the published code does."""
    pairs = list(zip(counted, columns, strict=False))
    rows = np.array([image.by_place(*pair) for pair in pairs]).reshape(-1, len(UPSTREAM))
    return {"upstream_n": len(pairs), **{f"upstream_{name}": rows[:, k].sum() for k, name in enumerate(UPSTREAM)}}


def clicks(image: Overlap, mine: np.ndarray, columns: np.ndarray) -> list[float] | None:
    """IoU after each click; None where the prompt is asked once."""
    given = image.masks["clicks"].iloc[mine]
    if given.isna().any() or not len(given) or not len(columns):
        return None
    return [float(image.iou[mine[place], columns[0]]) for place in np.argsort(given.to_numpy(np.int64))]


def decisions(image: Overlap, counted: np.ndarray, nouns: set[str]) -> dict[int, float]:
    """Instances of `nouns` (positions) that a phrase's predictions find at IoU 0.5, one to one, with their scores."""
    candidates = _of_nouns(image, nouns)
    ious = image.match[np.ix_(counted, candidates)]
    at, to = linear_sum_assignment(ious, maximize=True)
    good = ious[at, to] >= MATCH
    pairs = zip(candidates[to[good]], image.scores[counted[at[good]]], strict=True)
    return {int(column): float(score) for column, score in pairs}


def decided(image: Overlap, found: Mapping[int, float], columns: np.ndarray, nouns: set[str]) -> dict[str, int]:
    candidates, wanted = _of_nouns(image, nouns), set(columns.tolist())
    right = sum((column in found) == (column in wanted) for column in candidates.tolist())
    return {"n_candidates": len(candidates), "n_decided": right}


def claims(answers: list[tuple[Any, np.ndarray, dict[int, float]]]) -> dict[str, list[tuple[str, int]]]:
    """For each phrase of a single attribute: its truth by the value claimed for it, "" where none is.

    `answers` are (prompt, truth, decisions) of the phrases of an image. Phrases of the same nouns and attribute
    compete for an instance; that which finds it with the greatest score has it.
    """
    groups = defaultdict(list)
    for prompt, columns, found in answers:
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


def agreement(image: Overlap, answers: list[tuple[Any, np.ndarray]]) -> dict[str, tuple[int, float]]:
    """For each prompt of a concept: how many other paraphrases were asked, and the sum of the IoU of all masks."""
    groups = defaultdict(list)
    for prompt, counted in answers:
        if pd.notna(prompt.concept):
            masks = [image.predictions[number] for number in counted]
            groups[prompt.concept].append((prompt.prompt_id, [shapes.union(masks)] if masks else []))
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


def _areas(image: Overlap, columns: np.ndarray) -> np.ndarray:
    """px, of masks; of boxes where an instance has no mask."""
    boxes = image.truth_boxes[columns]
    return np.where(image.masked[columns], image.truth_area[columns], np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))


def _of_nouns(image: Overlap, nouns: set[str]) -> np.ndarray:
    wanted = [k for k, item in enumerate(image.instances) if item.noun in nouns and not item.ignore]
    return np.array(wanted, np.int64)
