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

from samgap import answers, flow, inputs, steps, tables
from samgap.overlap import MATCH, Overlap
from samgap.progress import progress
from samgap.tables import ERRORS, MEASURES, SCHEMAS, TAUS
from samgap.truth import Truth

SPATIAL = frozenset({"box", "point", "point-box", "mask", "clicks", "track"})
NAMES = (*MEASURES, *ERRORS)
TAGS = ("nouns", "attributes", "seen", "concept", "level")

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def measure(
    masks: pd.DataFrame,
    prompts: pd.DataFrame,
    truth: Truth,
    images: pd.DataFrame,
    score_threshold: float,
    flows: flow.Reader = flow.none,
) -> Tables:
    """The tables `overlaps`, `instances` and `pairs` of one shard.

    `masks` (table `masks`) are the shard's predictions, `images` (table `images`) its images; `prompts` (table
    `prompts`) may hold those of other shards too. Each prompt of the images has its row in `pairs`, answered or not.
    Every truth of an evaluable prompt is one row `matched` or `missed` in `instances`, and every counted prediction
    without a match one row `false`; a missed truth keeps the prediction assigned below IoU 0.5, if any.
    One image is worked on at a time; of a sequence, whose frames must all be here, the one before is remembered, and
    `flows` gives the optical flow between them. Input that contradicts itself raises UserError.
    """
    prompts = tables.complete("prompts", prompts[prompts["image_id"].isin(images["image_id"])])
    masks, images = tables.complete("masks", masks), tables.complete("images", images)
    inputs.check_images(images, truth)
    inputs.check_prompts(prompts)
    inputs.check_masks(masks, prompts)
    rows, followed = _Rows(), steps.Steps(flows)
    predicted = dict(iter(masks.groupby("image_id", sort=False)))
    asked = dict(iter(prompts.groupby("image_id", sort=False)))
    with progress("images measured", len(images), "images") as step:
        for image in steps.in_order(images).itertuples(index=False):
            key: Any = image.image_id
            if key in asked:
                found = Overlap(image, truth.of(key), predicted.get(key, masks.iloc[:0]))
                _Image(found, score_threshold, rows, followed).measure(asked[key])
            else:
                followed.frame_without_prompts(image)
            step(1)
    return rows.tables()


@dataclass
class _Rows:
    overlaps: list[pd.DataFrame] = field(default_factory=list)
    instances: list[tuple] = field(default_factory=list)
    pairs: list[dict[str, Any]] = field(default_factory=list)

    def tables(self) -> Tables:
        """Nulls in whole-number columns stay nulls."""
        overlaps = pd.concat(self.overlaps, ignore_index=True) if self.overlaps else tables.empty("overlaps")
        instances = pd.DataFrame(self.instances, columns=SCHEMAS["instances"].names)
        nullable = ("truth_id", "prediction_id", "truth_area_px", "area_px")
        pairs = pd.DataFrame(self.pairs, columns=SCHEMAS["pairs"].names).astype({"frame": "Int64", "track": "Int64"})
        return overlaps, instances.astype(dict.fromkeys(nullable, "Int64")), pairs


@dataclass
class _Image:
    overlap: Overlap
    score_threshold: float
    rows: _Rows
    followed: steps.Steps

    def measure(self, prompts: pd.DataFrame) -> None:
        of_prompt: Mapping[Any, Any] = dict(self.overlap.masks.groupby("prompt_id", sort=False).indices)
        target = np.zeros(self.overlap.intersection.shape, bool)
        made, phrases, given = [], [], []
        for prompt in prompts.itertuples(index=False):
            mine = of_prompt.get(prompt.prompt_id, np.zeros(0, np.int64))
            columns = inputs.targets(prompt, self.overlap.column, self.overlap.instances, prompt.kind in SPATIAL)
            target[np.ix_(mine, columns)] = True
            row, answer, found = self._prompt(prompt, mine, columns)
            made.append(row)
            given.append(answer)
            if found is not None:
                phrases.append((prompt, columns, found))
        claims = answers.claims(phrases)
        agreement = answers.agreement(self.overlap, [(answer.prompt, answer.counted) for answer in given])
        for row, step in zip(made, self.followed.columns(self.overlap, given), strict=True):
            row |= step
            row["claimed"] = claims.get(row["prompt_id"])
            row["n_paraphrases"], row["sum_agreement"] = agreement.get(row["prompt_id"], (0, 0.0))
        self.rows.pairs += made
        self.rows.overlaps.append(self.overlap.table(target))

    def _prompt(self, prompt: Any, mine: np.ndarray, columns: np.ndarray) -> tuple[dict, steps.Answer, dict | None]:
        """The prompt's row of `pairs`, how it was answered, and what a phrase decided of each instance."""
        image, spatial = self.overlap, prompt.kind in SPATIAL
        evaluable = prompt.truth_ids is not None
        boxes_only = bool((~image.masked[columns]).any())
        asked = self._counted(prompt, mine)
        counted, of_truth = self._assign(asked, columns, image.iou, leave_out=not spatial)
        box_counted, box_of_truth = self._assign(asked, columns, image.box_iou, leave_out=not spatial)
        if boxes_only:
            kept, shown = box_counted, self._instances(prompt, box_counted, columns, box_of_truth, evaluable)
        else:
            kept, shown = counted, self._instances(prompt, counted, columns, of_truth, evaluable)
        sums = np.nan_to_num(shown).sum(axis=0)
        box_ious = [0 if row is None else image.box_iou[row, at] for row, at in zip(box_of_truth, columns, strict=True)]
        row = {
            "prompt_id": prompt.prompt_id,
            "image_id": prompt.image_id,
            "group": image.image.group,
            "kind": prompt.kind,
            "phrase": prompt.phrase,
            "evaluable": evaluable,
            "n_truth": len(columns),
            "n_predicted": len(kept),
            "tp": _hits(np.zeros(len(columns)) if boxes_only else shown[:, 0]),
            **{f"sum_{name}": float(total) for name, total in zip(NAMES, sums, strict=True)},
            "n_answered": int((~np.isnan(shown[:, -1])).sum()),
            "boxes_only": boxes_only,
            "box_predicted": len(box_counted),
            "box_tp": _hits(np.array(box_ious)),
            "covered": 0 if boxes_only else answers.covered(image, kept, columns),
            **answers.sizes(image, columns),
            **answers.sets(image, kept, columns),
            "sum_leak": float(image.labelled_share[kept].sum()),
            **answers.by_place(image, kept if evaluable else kept[:0], columns),
            "click_iou": answers.clicks(image, mine, columns),
            "n_candidates": 0,
            "n_decided": 0,
            **{name: getattr(prompt, name) for name in TAGS},
            "strata": image.image.strata,
        }
        found = None
        if evaluable and prompt.kind == "phrase":
            assign = partial(self._assign, ious=image.iou, leave_out=True)
            row |= answers.sweep(image, mine, columns, assign) | answers.ranked(image, mine, columns)
            if prompt.nouns is not None:
                found = answers.decisions(image, kept, set(prompt.nouns))
                row |= answers.decided(image, found, columns, set(prompt.nouns))
        return row, steps.Answer(prompt, spatial, columns, kept, box_of_truth if boxes_only else of_truth), found

    def _counted(self, prompt: Any, mine: np.ndarray) -> np.ndarray:
        if prompt.kind not in SPATIAL:
            return mine[self.overlap.scores[mine] >= self.score_threshold]
        if not len(mine):
            return mine
        clicks = self.overlap.masks["clicks"].iloc[mine]
        order = self.overlap.scores[mine] if clicks.isna().any() else clicks.to_numpy(np.int64)
        return mine[[int(np.argmax(order))]]

    def _assign(
        self, counted: np.ndarray, columns: np.ndarray, ious: np.ndarray, leave_out: bool
    ) -> tuple[np.ndarray, list[int | None]]:
        """The predictions that count, and for each truth its prediction or None."""
        while True:
            mine = ious[np.ix_(counted, columns)]
            at, to = linear_sum_assignment(mine, maximize=True)
            of_truth: list[int | None] = [None] * len(columns)
            best = np.zeros(len(counted))
            for row, column in zip(at, to, strict=True):
                if mine[row, column] > 0:
                    of_truth[column], best[row] = int(counted[row]), mine[row, column]
            out = self.overlap.ignored[counted] & (best < MATCH) & leave_out
            if not out.any():
                return counted, of_truth
            counted = counted[~out]

    def _instances(
        self, prompt: Any, counted: np.ndarray, columns: np.ndarray, of_truth: list[int | None], evaluable: bool
    ) -> np.ndarray:
        """Add rows of `instances`; returns the measures of the truth, (truth, measures), NaN where there is none."""
        image, where = self.overlap, (prompt.prompt_id, prompt.image_id)
        measures = np.zeros((len(columns), len(NAMES)))
        measures[:, len(MEASURES) :] = np.nan
        measures[np.ix_(~image.masked[columns], [name != "box_iou" for name in NAMES])] = np.nan
        free = set(counted.tolist()) if evaluable else set()
        for row, column, prediction in zip(measures, columns, of_truth, strict=True):
            key, score, area = None, None, None
            if prediction is not None:
                row[:] = image.measures(prediction, column)
                key, score, area = image.keys[prediction], image.scores[prediction], int(image.area[prediction])
            hit = prediction is not None and image.match[prediction, column] >= MATCH
            if hit:
                free.remove(prediction)
            item = image.instances[column]
            named = (*where, item.id, key, "matched" if hit else "missed", score)
            labels = sorted(item.attributes.items())
            self.rows.instances.append((*named, *_nulls(row), int(image.truth_area[column]), area, labels))
        for prediction in sorted(free):
            false = (*where, None, image.keys[prediction], "false", image.scores[prediction])
            self.rows.instances.append((*false, *[None] * len(NAMES), None, int(image.area[prediction]), None))
        return measures


def _hits(ious: np.ndarray) -> list[int]:
    return (ious[:, None] >= TAUS).sum(axis=0).tolist()


def _nulls(row: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else value for value in row.tolist()]
