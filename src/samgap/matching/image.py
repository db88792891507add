"""Matching of one image: the rows of tables `overlaps`, `instances` and `pairs` of all its prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from samgap.annotations.ground_truth import GroundTruth
from samgap.matching import checks, phrases, prompt_statistics
from samgap.matching.assignment import MATCH_THRESHOLD, PromptMatch, assign, select_counted
from samgap.matching.label_distances import LABELLED_DISTANCE, LabelDistances
from samgap.matching.nouns import find_ignored_columns
from samgap.matching.overlap import ImageOverlap
from samgap.matching.score_thresholds import ThresholdCounter, count_at_chosen_score, sweep_score_thresholds
from samgap.matching.video import SequenceTracker
from samgap.prompts.kinds import get_row_kind
from samgap.tables.matching import (
    ERROR_MEASURES,
    INSTANCES,
    IOU_THRESHOLDS,
    MEASURES,
    OVERLAPS,
    PAIRS,
)

MEASURE_NAMES = (*MEASURES, *ERROR_MEASURES)
COPIED_PROMPT_COLUMNS = ("lost_labels", "nouns", "attributes", "seen", "concept", "level", "polarity")
"""Columns of table `prompts` that are copied to table `pairs`."""

MatchTables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
"""Tables `overlaps`, `instances` and `pairs`."""


@dataclass
class TableBuilder:
    """Collects the rows of all images of a shard."""

    overlaps: list[pd.DataFrame] = field(default_factory=list)
    instances: list[tuple] = field(default_factory=list)
    pairs: list[dict[str, Any]] = field(default_factory=list)

    def build(self) -> MatchTables:
        """Return the three tables; integer columns with nulls have pandas' nullable type."""
        overlaps = pd.concat(self.overlaps, ignore_index=True) if self.overlaps else OVERLAPS.empty_frame()
        instances = pd.DataFrame(self.instances, columns=INSTANCES.schema.names)
        nullable = ("truth_id", "prediction_id", "truth_area_px", "area_px")
        pairs = pd.DataFrame(self.pairs, columns=PAIRS.schema.names).astype({"frame": "Int64", "track": "Int64"})
        return overlaps, instances.astype(dict.fromkeys(nullable, "Int64")), pairs


@dataclass
class ImageMatcher:
    """Matches the prompts of one image.

    Args:
        overlap: the overlaps of the image.
        truth: the ground truth of the shard.
        score_threshold: the score from which predictions of prompts that are not spatial count.
        chosen_score: the score threshold that was chosen on other images; None if none was.
        builder: receives the rows.
        tracker: compares the image with the previous frame.
        labelled_distance: the distance beyond which a prediction is far from all labels, in image heights.
    """

    overlap: ImageOverlap
    truth: GroundTruth
    score_threshold: float
    chosen_score: float | None
    builder: TableBuilder
    tracker: SequenceTracker
    labelled_distance: float = LABELLED_DISTANCE
    label_distances: LabelDistances = field(init=False)

    def __post_init__(self) -> None:
        self.label_distances = LabelDistances(self.overlap)

    def match_prompts(self, prompts: pd.DataFrame) -> None:
        """Match all prompts of the image (rows of table `prompts`) and add their rows to the builder."""
        rows_by_prompt: Mapping[Any, Any] = dict(
            self.overlap.predictions.table.groupby("prompt_id", sort=False).indices
        )
        is_target = np.zeros(self.overlap.intersection.shape, bool)
        pair_rows, matches, attribute_matches = [], [], []
        prompt: Any
        for prompt in prompts.itertuples(index=False):
            prediction_rows = rows_by_prompt.get(prompt.prompt_id, np.zeros(0, np.int64))
            match, pair_row, distances_px = self._match_prompt(prompt, prediction_rows)
            is_target[np.ix_(prediction_rows, match.truth_columns)] = True
            if pair_row["evaluable"] and match.row_kind.names_concept:
                pair_row |= self._compute_phrase_columns(match, prediction_rows, distances_px)
                if prompt.nouns is not None:
                    nouns = set(prompt.nouns)
                    matched_scores = phrases.match_by_nouns(self.overlap, match.counted_rows, nouns)
                    pair_row |= phrases.count_decisions(self.overlap, matched_scores, match.truth_columns, nouns)
                    attribute_matches.append((match, matched_scores))
            pair_rows.append(pair_row)
            matches.append(match)
        assigned_values = phrases.count_assigned_values(attribute_matches)
        paraphrase_ious = phrases.sum_paraphrase_ious(self.overlap, matches)
        frame_columns = self.tracker.compute_columns(self.overlap, matches)
        for pair_row, columns in zip(pair_rows, frame_columns, strict=True):
            pair_row |= columns
            pair_row["claimed"] = assigned_values.get(pair_row["prompt_id"])
            pair_row["n_paraphrases"], pair_row["sum_agreement"] = paraphrase_ious.get(pair_row["prompt_id"], (0, 0.0))
        self.builder.pairs += pair_rows
        self.builder.overlaps.append(self.overlap.to_table(is_target))

    def _match_prompt(
        self, prompt: Any, prediction_rows: np.ndarray
    ) -> tuple[PromptMatch, dict[str, Any], dict[int, float]]:
        """Match one prompt; return the match, the prompt's row of table `pairs`, and the distances to labels in px."""
        overlap, row_kind = self.overlap, get_row_kind(prompt.kind)
        truth_columns = checks.target_columns(prompt, overlap.truth.column_by_id, overlap.truth.instances, row_kind)
        candidates = select_counted(overlap, prediction_rows, row_kind, self.score_threshold)
        ignored_columns = find_ignored_columns(prompt, row_kind, overlap.truth)
        counted, assignment = assign(overlap, candidates, truth_columns, overlap.iou, ignored_columns)
        box_counted, box_assignment = assign(overlap, candidates, truth_columns, overlap.box_iou, ignored_columns)
        boxes_only = bool((~overlap.truth.has_mask[truth_columns]).any())
        if boxes_only:
            counted, assignment = box_counted, box_assignment
        match = PromptMatch(prompt, row_kind, truth_columns, ignored_columns, counted, assignment)
        evaluable = prompt.truth_ids is not None
        distances_px = self._measure_label_distances(match, prediction_rows)
        box_ious = self._assigned_box_ious(box_assignment, truth_columns)
        best_ious = prompt_statistics.find_best_ious(
            overlap, prediction_rows if row_kind.spatial else prediction_rows[:0], truth_columns
        )
        measures = self._add_instances(match, evaluable, distances_px, np.stack([box_ious, best_ious], axis=1))
        mask_ious = np.zeros(len(truth_columns)) if boxes_only else measures[:, 0]
        pair_row = {
            **self._copy_columns(prompt),
            "evaluable": evaluable,
            "n_truth": len(truth_columns),
            "n_ignored": len(ignored_columns),
            "n_predicted": len(counted),
            "n_far": len(self._select_far(distances_px).intersection(counted.tolist())),
            "tp": _count_true_positives(mask_ious),
            **_sum_measures(measures),
            "labelled_distance": self.labelled_distance,
            "boxes_only": boxes_only,
            "box_predicted": len(box_counted),
            "box_tp": _count_true_positives(box_ious),
            "covered": 0 if boxes_only else prompt_statistics.count_covered(overlap, counted, truth_columns),
            "sum_leak": float(overlap.annotated_share[counted].sum()),
            **prompt_statistics.count_by_size(overlap, truth_columns),
            **prompt_statistics.measure_unions(overlap, counted, truth_columns),
            **prompt_statistics.sum_index_paired(overlap, counted if evaluable else counted[:0], truth_columns),
            "n_masks": len(prediction_rows),
            "sum_best_iou": float(best_ious.sum()),
            "click_iou": prompt_statistics.list_click_ious(overlap, prediction_rows, truth_columns),
            # Phrases overwrite these, and phrases with nouns the last two.
            "greedy_tp": 0,
            "greedy_predicted": 0,
            "n_candidates": 0,
            "n_decided": 0,
        }
        return match, pair_row, distances_px

    def _copy_columns(self, prompt: Any) -> dict[str, Any]:
        """Return the columns of table `pairs` that are copied from the prompt and its image."""
        image_row = self.overlap.image_row
        return {
            "prompt_id": prompt.prompt_id,
            "image_id": prompt.image_id,
            "group": image_row.group,
            "kind": prompt.kind,
            "phrase": prompt.phrase,
            **{name: getattr(prompt, name) for name in COPIED_PROMPT_COLUMNS},
            "strata": image_row.strata,
        }

    def _compute_phrase_columns(
        self, match: PromptMatch, prediction_rows: np.ndarray, distances_px: Mapping[int, float]
    ) -> dict[str, Any]:
        counter = ThresholdCounter(match, self.overlap, prediction_rows, self._select_far(distances_px))
        return {
            **sweep_score_thresholds(counter),
            **count_at_chosen_score(counter, self.chosen_score),
            **phrases.rank_predictions(match, self.overlap, prediction_rows, self.score_threshold),
        }

    def _assigned_box_ious(self, assignment: list[int | None], truth_columns: np.ndarray) -> np.ndarray:
        pairs = zip(assignment, truth_columns, strict=True)
        ious = [0 if row is None else self.overlap.box_iou[row, column] for row, column in pairs]
        return np.array(ious, np.float64)

    def _select_far(self, distances_px: Mapping[int, float]) -> set[int]:
        """Return the predictions that are far from all labels, of those with a distance."""
        limit_px = self.labelled_distance * self.overlap.image_row.height
        return {row for row, distance in distances_px.items() if distance > limit_px}

    def _measure_label_distances(self, match: PromptMatch, prediction_rows: np.ndarray) -> dict[int, float]:
        """Return the distance in px of some predictions of a phrase to the nearest label of any noun.

        A spatial prompt has none: its target is known.
        """
        if match.row_kind.spatial or match.prompt.truth_ids is None:
            return {}
        distances_px = self.label_distances.measure(prediction_rows)
        return dict(zip(prediction_rows.tolist(), distances_px.tolist(), strict=True))

    def _add_instances(
        self, match: PromptMatch, evaluable: bool, distances_px: Mapping[int, float], other_ious: np.ndarray
    ) -> np.ndarray:
        """Add the rows of table `instances` of one prompt.

        Args:
            match: the matched prompt.
            evaluable: whether predictions without a match are false positives.
            distances_px: the distance of predictions to the nearest label.
            other_ious: of each instance, `box_match_iou` and `best_iou`, (instances, 2).

        Returns:
            The measures of the prompt's instances, (instances, measures); NaN where a measure is not defined.
        """
        overlap, truth_columns = self.overlap, match.truth_columns
        measures = np.zeros((len(truth_columns), len(MEASURE_NAMES)))
        measures[:, len(MEASURES) :] = np.nan
        is_mask_measure = [name != "box_iou" for name in MEASURE_NAMES]
        measures[np.ix_(~overlap.truth.has_mask[truth_columns], is_mask_measure)] = np.nan
        false_rows = set(match.counted_rows.tolist()) if evaluable else set()
        for index, (column, prediction) in enumerate(zip(truth_columns, match.assignment, strict=True)):
            is_match = False
            if prediction is not None:
                measures[index] = overlap.compute_measures(prediction, column)
                is_match = bool(overlap.match_iou[prediction, column] >= MATCH_THRESHOLD)
            if is_match:
                false_rows.remove(prediction)
            outcome = "matched" if is_match else "missed"
            self._add_instance(match, column, prediction, outcome, measures[index], other_ious[index])
        for prediction in sorted(false_rows):
            distance_px = distances_px.get(prediction, np.nan)
            no_measures = np.full(len(MEASURE_NAMES), np.nan)
            self._add_instance(match, None, prediction, "false", no_measures, distance_px=distance_px)
        return measures

    def _add_instance(
        self,
        match: PromptMatch,
        column: int | None,
        prediction: int | None,
        outcome: str,
        measures: np.ndarray,
        other_ious: Sequence[float | None] | np.ndarray = (None, None),
        distance_px: float = np.nan,
    ) -> None:
        """Add one row of table `instances`; its columns are those of `INSTANCES`, in this order."""
        predictions, truth = self.overlap.predictions, self.overlap.truth
        instance = None if column is None else truth.instances[column]
        self.builder.instances.append(
            (
                match.prompt.prompt_id,
                match.prompt.image_id,
                None if instance is None else instance.id,
                None if prediction is None else predictions.ids[prediction],
                outcome,
                None if prediction is None else predictions.scores[prediction],
                *_nan_to_none(measures),
                *other_ious,
                None if column is None else int(truth.areas[column]),
                None if prediction is None else int(predictions.areas[prediction]),
                None if instance is None else sorted(instance.attributes.items()),
                distance_px if np.isfinite(distance_px) else None,
            )
        )


def _sum_measures(measures: np.ndarray) -> dict[str, Any]:
    """Return the sum of each measure over the instances, and the number of instances with a prediction."""
    sums = np.nan_to_num(measures).sum(axis=0)
    columns = {f"sum_{name}": float(total) for name, total in zip(MEASURE_NAMES, sums, strict=True)}
    # The last measure is an error of boxes: it is defined wherever an instance has a prediction.
    return {**columns, "n_answered": int((~np.isnan(measures[:, -1])).sum())}


def _count_true_positives(ious: np.ndarray) -> list[int]:
    """Return the number of IoUs at or above each of `IOU_THRESHOLDS`."""
    return (ious[:, None] >= IOU_THRESHOLDS).sum(axis=0).tolist()


def _nan_to_none(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]
