"""Statistics of phrases: average precision, attributes and paraphrases; columns of table `pairs`."""

from collections import defaultdict
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from samgap.masks import rle
from samgap.matching import coco
from samgap.matching.assignment import MATCH_THRESHOLD, PromptMatch
from samgap.matching.overlap import ImageOverlap
from samgap.tables.matching import HIT_KINDS


def rank_predictions(
    match: PromptMatch, overlap: ImageOverlap, prediction_rows: np.ndarray, score_threshold: float
) -> dict[str, Any]:
    """Return the scores, best first, the hits of masks and of boxes, and the counts of the greedy matching at IoU 0.5.

    The `ignore` instances that excuse predictions of the prompt are its crowds in the hits, as in pycocotools. The
    greedy matching leaves out predictions by the rule of `assign`: without a match, and in their union.

    Args:
        match: the prompt with its instances.
        overlap: of the image.
        prediction_rows: all predictions of the prompt.
        score_threshold: the score from which predictions count in the greedy matching.
    """
    predictions, truth = overlap.predictions, overlap.truth
    order = np.argsort(-predictions.scores[prediction_rows], kind="stable")
    ranked_rows = prediction_rows[order][: coco.MAX_DETECTIONS]
    columns = np.concatenate([match.truth_columns, match.ignored_columns])
    is_crowd, truth_areas = truth.is_ignore[columns], truth.mask_or_box_areas[columns]
    cells = np.ix_(ranked_rows, columns)
    # As in pycocotools, the "IoU" with a crowd region is the fraction of the prediction inside it.
    shares = overlap.intersection[cells] / np.maximum(predictions.areas[ranked_rows], 1)[:, None]
    ious = np.where(is_crowd, shares, overlap.iou[cells])
    hits = np.concatenate(
        [
            coco.match_detections(ious, predictions.areas[ranked_rows], truth_areas, is_crowd),
            coco.match_detections(overlap.box_iou[cells], predictions.box_areas[ranked_rows], truth_areas, is_crowd),
        ]
    )
    hit_columns = {f"hits_{kind}": row for kind, row in zip(HIT_KINDS, hits, strict=True)}
    # The lowest bit is the match at IoU 0.5, which crowds do not change: instances are matched before them.
    is_match = hits[HIT_KINDS.index("mask_all")] & 1 == 1
    is_excused = overlap.is_in_region(match.ignored_columns)[ranked_rows] & ~is_match
    is_above = predictions.scores[ranked_rows] >= score_threshold
    return {
        "scores": predictions.scores[ranked_rows].astype(np.float32),
        **hit_columns,
        "excused": is_excused,
        "greedy_tp": int((is_match & is_above).sum()),
        "greedy_predicted": int((~is_excused & is_above).sum()),
    }


def match_by_nouns(overlap: ImageOverlap, counted_rows: np.ndarray, nouns: set[str]) -> dict[int, float]:
    """Match the predictions of a phrase to all instances of its nouns, whatever their attributes.

    Returns:
        The score of the matched prediction by the index of the instance.
    """
    columns = overlap.truth.columns_of_nouns(nouns)
    ious = overlap.match_iou[np.ix_(counted_rows, columns)]
    assigned_rows, assigned_columns = linear_sum_assignment(ious, maximize=True)
    is_match = ious[assigned_rows, assigned_columns] >= MATCH_THRESHOLD
    matched_scores = overlap.predictions.scores[counted_rows[assigned_rows[is_match]]]
    matched_columns = columns[assigned_columns[is_match]]
    return {int(column): float(score) for column, score in zip(matched_columns, matched_scores, strict=True)}


def count_decisions(
    overlap: ImageOverlap, matched_scores: Mapping[int, float], truth_columns: np.ndarray, nouns: set[str]
) -> dict[str, int]:
    """Return the number of instances of the nouns, and of those correctly matched or correctly left out.

    Args:
        overlap: of the image.
        matched_scores: the result of `match_by_nouns`.
        truth_columns: the instances of the phrase.
        nouns: of the phrase.
    """
    candidates, targets = overlap.truth.columns_of_nouns(nouns), set(truth_columns.tolist())
    n_correct = sum((column in matched_scores) == (column in targets) for column in candidates.tolist())
    return {"n_candidates": len(candidates), "n_decided": n_correct}


def count_assigned_values(matches: list[tuple[PromptMatch, dict[int, float]]]) -> dict[str, list[tuple[str, float]]]:
    """Count the instances of each phrase with one attribute by the attribute value that the predictions assign.

    Phrases with the same nouns and attribute compete for an instance; it gets the value of the phrase that matches it
    with the highest score, or "" if no phrase matches it. Values with equal highest scores share the instance equally,
    as the scores do not decide between them; the shares are the expected counts of a random choice.

    Args:
        matches: the phrases of one image, each with the result of `match_by_nouns`.

    Returns:
        Prompt id -> (value, number of instances, a fraction where scores are equal), sorted by value.
    """
    groups = defaultdict(list)
    for match, matched_scores in matches:
        attributes = dict(match.prompt.attributes or ())
        if len(attributes) == 1:
            ((name, value),) = attributes.items()
            key = tuple(sorted(match.prompt.nouns)), name
            groups[key].append((value, match.prompt.prompt_id, match.truth_columns, matched_scores))
    counts_by_prompt = {}
    for group in groups.values():
        scores_by_column: dict[int, dict[str, float]] = defaultdict(dict)
        for value, _, _, matched_scores in group:
            for column, score in matched_scores.items():
                value_scores = scores_by_column[column]
                value_scores[value] = max(score, value_scores.get(value, score))
        for _, prompt_id, truth_columns, _ in group:
            counts: dict[str, float] = defaultdict(float)
            for column in truth_columns.tolist():
                value_scores = scores_by_column.get(column, {"": 0.0})
                best = [value for value, score in value_scores.items() if score == max(value_scores.values())]
                for value in best:
                    counts[value] += 1 / len(best)
            counts_by_prompt[prompt_id] = sorted(counts.items())
    return counts_by_prompt


def sum_paraphrase_ious(overlap: ImageOverlap, matches: list[PromptMatch]) -> dict[str, tuple[int, float]]:
    """Return, for each prompt with a concept, the number of its other paraphrases and the sum of the IoU with them.

    The IoU is that of the unions of all masks of both prompts.
    """
    groups = defaultdict(list)
    for match in matches:
        if pd.notna(match.prompt.concept):
            masks = [overlap.predictions.rles[row] for row in match.counted_rows]
            groups[match.prompt.concept].append((match.prompt.prompt_id, [rle.merge(masks)] if masks else []))
    sums_by_prompt: dict[str, tuple[int, float]] = {}
    for group in groups.values():
        sums: dict[str, float] = defaultdict(float)
        for (first_id, first), (second_id, second) in combinations(group, 2):
            areas = (np.array(int(rle.compute_areas(union).sum())) for union in (first, second))
            iou = float(rle.iou(rle.compute_intersections(first, second).sum(), *areas))
            sums[first_id] += iou
            sums[second_id] += iou
        sums_by_prompt |= {prompt_id: (len(group) - 1, sums[prompt_id]) for prompt_id, _ in group}
    return sums_by_prompt
