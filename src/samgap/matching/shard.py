"""Predictions against ground truth, one prompt at a time: the tables `overlaps`, `instances` and `pairs`.

Of a spatial prompt (box, point, point-box …) the best-scoring mask always counts, after clicks the last one; of a
phrase, the masks at the score threshold or above. They are assigned to the prompt's truth one to one so that the total
IoU is greatest (Hungarian, as sam3's cgF1 evaluator does); an assignment without a common pixel is none.

A mask with no truth at IoU 0.5 that lies at least half in `ignore` instances of the image counts neither as hit nor
as false; the others are then assigned again. A spatial prompt's mask is never left out so: its target is known.

Boxes are matched the same way, apart from masks. Where an instance asked for is known by its box alone, only boxes
are: the prompt's row says `boxes_only`, and metrics of masks say that they cannot be evaluated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from samgap.annotations import optical_flow
from samgap.annotations.ground_truth import GroundTruth
from samgap.io.progress import report_progress
from samgap.matching import checks, prompt_statistics, video
from samgap.matching.overlap import MATCH_THRESHOLD, ImageOverlap
from samgap.tables.images import IMAGES
from samgap.tables.matching import ERROR_MEASURES, INSTANCES, IOU_THRESHOLDS, MEASURES, OVERLAPS, PAIRS
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS

SPATIAL_KINDS = frozenset({"box", "point", "point-box", "mask", "clicks", "track"})
MEASURE_NAMES = (*MEASURES, *ERROR_MEASURES)
COPIED_PROMPT_COLUMNS = ("nouns", "attributes", "seen", "concept", "level")

MatchTables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def match_shard(
    masks: pd.DataFrame,
    prompts: pd.DataFrame,
    truth: GroundTruth,
    images: pd.DataFrame,
    score_threshold: float,
    read_flow: optical_flow.FlowReader = optical_flow.read_no_flow,
) -> MatchTables:
    """The tables `overlaps`, `instances` and `pairs` of one shard.

    `masks` (table `masks`) are the shard's predictions, `images` (table `images`) its images; `prompts` (table
    `prompts`) may hold those of other shards too. Each prompt of the images has its row in `pairs`, answered or not.
    Every truth of an evaluable prompt is one row `matched` or `missed` in `instances`, and every counted prediction
    without a match one row `false`; a missed truth keeps the prediction assigned below IoU 0.5, if any.
    One image is worked on at a time; of a sequence, whose frames must all be here, the one before is remembered, and
    `flows` gives the optical flow between them. Input that contradicts itself raises UserError.
    """
    prompts = PROMPTS.add_missing_columns(prompts[prompts["image_id"].isin(images["image_id"])])
    masks, images = MASKS.add_missing_columns(masks), IMAGES.add_missing_columns(images)
    checks.check_images(images, truth)
    checks.check_prompts(prompts)
    checks.check_masks(masks, prompts)
    rows, followed = TableBuilder(), video.SequenceTracker(read_flow)
    predicted = dict(iter(masks.groupby("image_id", sort=False)))
    asked = dict(iter(prompts.groupby("image_id", sort=False)))
    with report_progress("images measured", len(images), "images") as step:
        for image in video.sort_frames(images).itertuples(index=False):
            key: Any = image.image_id
            if key in asked:
                found = ImageOverlap(image, truth.instances_of(key), predicted.get(key, masks.iloc[:0]))
                ImageMatcher(found, score_threshold, rows, followed).match_prompts(asked[key])
            else:
                followed.skip_frame(image)
            step(1)
    return rows.build()


@dataclass
class TableBuilder:
    overlaps: list[pd.DataFrame] = field(default_factory=list)
    instances: list[tuple] = field(default_factory=list)
    pairs: list[dict[str, Any]] = field(default_factory=list)

    def build(self) -> MatchTables:
        """Nulls in whole-number columns stay nulls."""
        overlaps = pd.concat(self.overlaps, ignore_index=True) if self.overlaps else OVERLAPS.empty_frame()
        instances = pd.DataFrame(self.instances, columns=INSTANCES.schema.names)
        nullable = ("truth_id", "prediction_id", "truth_area_px", "area_px")
        pairs = pd.DataFrame(self.pairs, columns=PAIRS.schema.names).astype({"frame": "Int64", "track": "Int64"})
        return overlaps, instances.astype(dict.fromkeys(nullable, "Int64")), pairs


@dataclass
class ImageMatcher:
    overlap: ImageOverlap
    score_threshold: float
    builder: TableBuilder
    tracker: video.SequenceTracker

    def match_prompts(self, prompts: pd.DataFrame) -> None:
        of_prompt: Mapping[Any, Any] = dict(self.overlap.masks.groupby("prompt_id", sort=False).indices)
        target = np.zeros(self.overlap.intersection.shape, bool)
        made, phrases, given = [], [], []
        for prompt in prompts.itertuples(index=False):
            mine = of_prompt.get(prompt.prompt_id, np.zeros(0, np.int64))
            columns = checks.target_columns(
                prompt, self.overlap.column_by_id, self.overlap.instances, prompt.kind in SPATIAL_KINDS
            )
            target[np.ix_(mine, columns)] = True
            row, answer, found = self._match_prompt(prompt, mine, columns)
            made.append(row)
            given.append(answer)
            if found is not None:
                phrases.append((prompt, columns, found))
        claims = prompt_statistics.claim_attributes(phrases)
        agreement = prompt_statistics.paraphrase_agreement(
            self.overlap, [(answer.prompt, answer.counted_rows) for answer in given]
        )
        for row, step in zip(made, self.tracker.compute_columns(self.overlap, given), strict=True):
            row |= step
            row["claimed"] = claims.get(row["prompt_id"])
            row["n_paraphrases"], row["sum_agreement"] = agreement.get(row["prompt_id"], (0, 0.0))
        self.builder.pairs += made
        self.builder.overlaps.append(self.overlap.to_table(target))

    def _match_prompt(
        self, prompt: Any, prediction_rows: np.ndarray, truth_columns: np.ndarray
    ) -> tuple[dict, video.PromptMatch, dict | None]:
        """The prompt's row of `pairs`, how it was answered, and what a phrase decided of each instance."""
        image, spatial = self.overlap, prompt.kind in SPATIAL_KINDS
        evaluable = prompt.truth_ids is not None
        boxes_only = bool((~image.has_mask[truth_columns]).any())
        asked = self._select_counted(prompt, prediction_rows)
        counted, of_truth = self._assign(asked, truth_columns, image.iou, exclude_ignored=not spatial)
        box_counted, box_of_truth = self._assign(asked, truth_columns, image.box_iou, exclude_ignored=not spatial)
        if boxes_only:
            kept, shown = box_counted, self._add_instances(prompt, box_counted, truth_columns, box_of_truth, evaluable)
        else:
            kept, shown = counted, self._add_instances(prompt, counted, truth_columns, of_truth, evaluable)
        sums = np.nan_to_num(shown).sum(axis=0)
        box_ious = [
            0 if row is None else image.box_iou[row, at] for row, at in zip(box_of_truth, truth_columns, strict=True)
        ]
        row = {
            "prompt_id": prompt.prompt_id,
            "image_id": prompt.image_id,
            "group": image.image_row.group,
            "kind": prompt.kind,
            "phrase": prompt.phrase,
            "evaluable": evaluable,
            "n_truth": len(truth_columns),
            "n_predicted": len(kept),
            "tp": _count_true_positives(np.zeros(len(truth_columns)) if boxes_only else shown[:, 0]),
            **{f"sum_{name}": float(total) for name, total in zip(MEASURE_NAMES, sums, strict=True)},
            "n_answered": int((~np.isnan(shown[:, -1])).sum()),
            "boxes_only": boxes_only,
            "box_predicted": len(box_counted),
            "box_tp": _count_true_positives(np.array(box_ious)),
            "covered": 0 if boxes_only else prompt_statistics.recalled_any(image, kept, truth_columns),
            **prompt_statistics.count_by_size(image, truth_columns),
            **prompt_statistics.union_overlap(image, kept, truth_columns),
            "sum_leak": float(image.labelled_share[kept].sum()),
            **prompt_statistics.index_paired(image, kept if evaluable else kept[:0], truth_columns),
            "click_iou": prompt_statistics.click_ious(image, prediction_rows, truth_columns),
            "n_candidates": 0,
            "n_decided": 0,
            **{name: getattr(prompt, name) for name in COPIED_PROMPT_COLUMNS},
            "strata": image.image_row.strata,
        }
        found = None
        if evaluable and prompt.kind == "phrase":
            assign = partial(self._assign, ious=image.iou, exclude_ignored=True)
            row |= prompt_statistics.sweep_score_thresholds(
                image, prediction_rows, truth_columns, assign
            ) | prompt_statistics.rank_predictions(image, prediction_rows, truth_columns)
            if prompt.nouns is not None:
                found = prompt_statistics.match_by_nouns(image, kept, set(prompt.nouns))
                row |= prompt_statistics.attribute_decisions(image, found, truth_columns, set(prompt.nouns))
        return (
            row,
            video.PromptMatch(prompt, spatial, truth_columns, kept, box_of_truth if boxes_only else of_truth),
            found,
        )

    def _select_counted(self, prompt: Any, prediction_rows: np.ndarray) -> np.ndarray:
        if prompt.kind not in SPATIAL_KINDS:
            return prediction_rows[self.overlap.scores[prediction_rows] >= self.score_threshold]
        if not len(prediction_rows):
            return prediction_rows
        clicks = self.overlap.masks["clicks"].iloc[prediction_rows]
        order = self.overlap.scores[prediction_rows] if clicks.isna().any() else clicks.to_numpy(np.int64)
        return prediction_rows[[int(np.argmax(order))]]

    def _assign(
        self, prediction_rows: np.ndarray, truth_columns: np.ndarray, ious: np.ndarray, exclude_ignored: bool
    ) -> tuple[np.ndarray, list[int | None]]:
        """The predictions that count, and for each truth its prediction or None."""
        while True:
            mine = ious[np.ix_(prediction_rows, truth_columns)]
            at, to = linear_sum_assignment(mine, maximize=True)
            of_truth: list[int | None] = [None] * len(truth_columns)
            best = np.zeros(len(prediction_rows))
            for row, column in zip(at, to, strict=True):
                if mine[row, column] > 0:
                    of_truth[column], best[row] = int(prediction_rows[row]), mine[row, column]
            out = self.overlap.in_ignore_region[prediction_rows] & (best < MATCH_THRESHOLD) & exclude_ignored
            if not out.any():
                return prediction_rows, of_truth
            prediction_rows = prediction_rows[~out]

    def _add_instances(
        self,
        prompt: Any,
        counted_rows: np.ndarray,
        truth_columns: np.ndarray,
        assignment: list[int | None],
        evaluable: bool,
    ) -> np.ndarray:
        """Add rows of `instances`; returns the measures of the truth, (truth, measures), NaN where there is none."""
        image, where = self.overlap, (prompt.prompt_id, prompt.image_id)
        measures = np.zeros((len(truth_columns), len(MEASURE_NAMES)))
        measures[:, len(MEASURES) :] = np.nan
        measures[np.ix_(~image.has_mask[truth_columns], [name != "box_iou" for name in MEASURE_NAMES])] = np.nan
        free = set(counted_rows.tolist()) if evaluable else set()
        for row, column, prediction in zip(measures, truth_columns, assignment, strict=True):
            key, score, area = None, None, None
            if prediction is not None:
                row[:] = image.compute_measures(prediction, column)
                key, score, area = (
                    image.prediction_ids[prediction],
                    image.scores[prediction],
                    int(image.prediction_area[prediction]),
                )
            hit = prediction is not None and image.match_iou[prediction, column] >= MATCH_THRESHOLD
            if hit:
                free.remove(prediction)
            item = image.instances[column]
            named = (*where, item.id, key, "matched" if hit else "missed", score)
            labels = sorted(item.attributes.items())
            self.builder.instances.append((*named, *_nan_to_none(row), int(image.truth_area[column]), area, labels))
        for prediction in sorted(free):
            false = (*where, None, image.prediction_ids[prediction], "false", image.scores[prediction])
            self.builder.instances.append(
                (*false, *[None] * len(MEASURE_NAMES), None, int(image.prediction_area[prediction]), None)
            )
        return measures


def _count_true_positives(ious: np.ndarray) -> list[int]:
    return (ious[:, None] >= IOU_THRESHOLDS).sum(axis=0).tolist()


def _nan_to_none(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else value for value in values.tolist()]
