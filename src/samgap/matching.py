"""Predictions against ground truth, one prompt at a time: the tables `overlaps`, `instances` and `pairs`.

Of a spatial prompt (box, point, point-box) the best-scoring mask always counts; of a phrase, the masks at the score
threshold or above. They are assigned to the prompt's truth one to one so that the total IoU is greatest
(Hungarian, as sam3's cgF1 evaluator does); an assignment without a common pixel is none.

A mask with no truth at IoU 0.5 that lies at least half in `ignore` instances of the image counts neither as hit nor
as false; the others are then assigned again. A spatial prompt's mask is never left out so: its target is known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from samgap import masks as shapes
from samgap.errors import UserError
from samgap.progress import progress
from samgap.tables import SCHEMAS, TAUS
from samgap.truth import Instance, Truth

SPATIAL = frozenset({"box", "point", "point-box"})
MATCH = 0.5
"""IoU from which a prediction is a match, and the share of it inside `ignore` from which it is left out."""
TOLERANCE = 2.0
"""px, of the boundary F."""

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]


def measure(
    masks: pd.DataFrame, prompts: pd.DataFrame, truth: Truth, images: pd.DataFrame, score_threshold: float
) -> Tables:
    """The tables `overlaps`, `instances` and `pairs` of one shard.

    `masks` (table `masks`) are the shard's predictions, `images` (table `images`) its images; `prompts` (table
    `prompts`) may hold those of other shards too. Each prompt of the images has its row in `pairs`, answered or not.
    Every truth of an evaluable prompt is one row `matched` or `missed` in `instances`, and every counted prediction
    without a match one row `false`; a missed truth keeps the prediction assigned below IoU 0.5, if any.
    One image is worked on at a time. Input that contradicts itself raises UserError.
    """
    prompts = prompts[prompts["image_id"].isin(images["image_id"])]
    _check_images(images, truth)
    _check_prompts(prompts)
    _check_masks(masks, prompts)
    rows = _Rows([], [], [])
    predicted = dict(iter(masks.groupby("image_id", sort=False)))
    asked = dict(iter(prompts.groupby("image_id", sort=False)))
    with progress("images measured", len(images), "images") as step:
        for image in images.itertuples(index=False):
            key: Any = image.image_id
            if key in asked:
                found = predicted.get(key, masks.iloc[:0])
                _Image(image, truth.of(key), found).measure(asked[key], score_threshold, rows)
            step(1)
    return rows.tables()


@dataclass
class _Rows:
    overlaps: list[pd.DataFrame]
    instances: list[tuple]
    pairs: list[tuple]

    def tables(self) -> Tables:
        return (
            pd.concat(self.overlaps, ignore_index=True) if self.overlaps else _frame("overlaps", []),
            _frame("instances", self.instances),
            _frame("pairs", self.pairs),
        )


class _Image:
    """One image: all its predictions against all its instances, so that each mask is read once for all prompts."""

    def __init__(self, image: Any, instances: list[Instance], masks: pd.DataFrame) -> None:
        self.image = image
        self.masks = masks.sort_values(["prompt_id", "prediction_id"], ignore_index=True)
        self.keys, self.scores = self.masks["prediction_id"].to_numpy(), self.masks["score"].to_numpy()
        self.instances = instances
        self.column = {item.id: number for number, item in enumerate(instances)}
        if len(self.column) != len(instances):
            raise UserError(f"image {image.image_id}: two instances have one id; make the data set again")
        self.truths = [_truth_rle(item, image) for item in instances]
        self.predictions = [_prediction_rle(row, image) for row in self.masks.itertuples(index=False)]
        self.truth_area, self.area = shapes.areas(self.truths), shapes.areas(self.predictions)
        self.intersection = shapes.intersections(self.predictions, self.truths)
        self.iou = shapes.iou(self.intersection, self.area[:, None], self.truth_area[None])
        ignored = [mask for mask, item in zip(self.truths, instances, strict=True) if item.ignore]
        inside = shapes.intersections(self.predictions, [shapes.union(ignored)] if ignored else []).sum(axis=1)
        self.ignored = (inside >= MATCH * self.area) & (inside > 0)
        self.outlines: dict[tuple[str, int], np.ndarray] = {}

    def measure(self, prompts: pd.DataFrame, score_threshold: float, rows: _Rows) -> None:
        of_prompt: Mapping[Any, Any] = dict(self.masks.groupby("prompt_id", sort=False).indices)
        target = np.zeros(self.intersection.shape, bool)
        for prompt in prompts.itertuples(index=False):
            mine = of_prompt.get(prompt.prompt_id, np.zeros(0, np.int64))
            columns = self._columns(prompt)
            target[np.ix_(mine, columns)] = True
            self._prompt(prompt, self._counted(prompt, mine, score_threshold), columns, rows)
        rows.overlaps.append(self._overlaps(target))

    def _columns(self, prompt: Any) -> np.ndarray:
        """The prompt's truth as positions in `instances`, ascending by id."""
        wanted = [] if prompt.truth_ids is None else sorted(prompt.truth_ids)
        where = f"prompt {prompt.prompt_id} of image {prompt.image_id}"
        for number, key in enumerate(wanted):
            if key not in self.column:
                raise UserError(f"{where} asks for instance {key}, which is not in the image; make the prompts again")
            if self.instances[self.column[key]].ignore:
                raise UserError(f"{where} asks for instance {key}, which is marked ignore; make the prompts again")
            if number and key == wanted[number - 1]:
                raise UserError(f"{where} asks for instance {key} twice; make the prompts again")
        if prompt.kind in SPATIAL and prompt.truth_ids is not None and len(wanted) != 1:
            raise UserError(f"{where} is spatial and asks for {len(wanted)} instances, not one; make the prompts again")
        return np.array([self.column[key] for key in wanted], np.int64)

    def _counted(self, prompt: Any, mine: np.ndarray, score_threshold: float) -> np.ndarray:
        scores = self.scores[mine]
        if prompt.kind in SPATIAL:
            return mine[[int(np.argmax(scores))]] if len(mine) else mine
        return mine[scores >= score_threshold]

    def _prompt(self, prompt: Any, counted: np.ndarray, columns: np.ndarray, rows: _Rows) -> None:
        counted, of_truth = self._assign(counted, columns, leave_out=prompt.kind not in SPATIAL)
        evaluable = prompt.truth_ids is not None
        where = (prompt.prompt_id, prompt.image_id)
        measures = np.zeros((len(columns), 3))  # IoU, Dice, boundary F
        free = set(counted.tolist()) if evaluable else set()
        for row, column, prediction in zip(measures, columns, of_truth, strict=True):
            key, score = None, None
            if prediction is not None:
                row[:] = self._measures(prediction, column)
                key, score = self.keys[prediction], self.scores[prediction]
            outcome = "matched" if row[0] >= MATCH else "missed"
            if outcome == "matched":
                free.remove(prediction)
            named = (*where, self.instances[column].id, key, outcome, score)
            rows.instances.append((*named, *row.tolist(), int(self.truth_area[column])))
        for prediction in sorted(free):
            false = (*where, None, self.keys[prediction], "false", self.scores[prediction])
            rows.instances.append((*false, None, None, None, None))
        tp = (measures[:, :1] >= TAUS).sum(axis=0).tolist()
        names = (*where, self.image.group, prompt.kind, prompt.phrase)
        rows.pairs.append((*names, evaluable, len(columns), len(counted), tp, *measures.sum(axis=0).tolist()))

    def _assign(self, counted: np.ndarray, columns: np.ndarray, leave_out: bool) -> tuple[np.ndarray, list[int | None]]:
        """The predictions that count, and for each truth its prediction or None."""
        while True:
            ious = self.iou[np.ix_(counted, columns)]
            at, to = linear_sum_assignment(ious, maximize=True)
            of_truth: list[int | None] = [None] * len(columns)
            best = np.zeros(len(counted))
            for row, column in zip(at, to, strict=True):
                if ious[row, column] > 0:
                    of_truth[column], best[row] = int(counted[row]), ious[row, column]
            out = self.ignored[counted] & (best < MATCH) & leave_out
            if not out.any():
                return counted, of_truth
            counted = counted[~out]

    def _measures(self, prediction: int, column: int) -> np.ndarray:
        """IoU, Dice and boundary F of a prediction and an instance."""
        common, area, other = self.intersection[prediction, column], self.area[prediction], self.truth_area[column]
        outlines = self._outline("prediction", prediction), self._outline("truth", column)
        boundary = shapes.boundary_f(*outlines, TOLERANCE)
        return np.array([self.iou[prediction, column], shapes.dice(common, area, other), boundary])

    def _outline(self, side: str, number: int) -> np.ndarray:
        if (side, number) not in self.outlines:
            masks = self.predictions if side == "prediction" else self.truths
            self.outlines[side, number] = shapes.outline(masks[number])
        return self.outlines[side, number]

    def _overlaps(self, target: np.ndarray) -> pd.DataFrame:
        at, to = np.nonzero(self.intersection)
        ignore = np.array([item.ignore for item in self.instances], bool)
        return pd.DataFrame(
            {
                "prompt_id": self.masks["prompt_id"].to_numpy()[at],
                "prediction_id": self.keys[at],
                "truth_id": np.array(list(self.column), np.int64)[to],
                "intersection_px": self.intersection[at, to],
                "iou": self.iou[at, to],
                "ioa": self.intersection[at, to] / self.area[at],
                "target": target[at, to],
                "ignore": ignore[to],
            }
        )


def _truth_rle(item: Instance, image: Any) -> shapes.RLE:
    size = (image.height, image.width)
    if item.rle is None:
        if item.ignore:
            return shapes.box(*item.box, *size)
        raise UserError(
            f"instance {item.id} of image {item.image_id} has a box and no mask to measure against; "
            "evaluate on a data set with masks"
        )
    if tuple(item.rle["size"]) != size:
        raise UserError(
            f"instance {item.id} of image {item.image_id}: its mask is {item.rle['size'][1]}×{item.rle['size'][0]} px, "
            f"the image {image.width}×{image.height}; make the data set again"
        )
    try:
        return shapes.rle(item.rle["counts"], *size)
    except UserError as error:
        raise UserError(f"instance {item.id} of image {item.image_id}: {error}; make the data set again") from None


def _prediction_rle(row: Any, image: Any) -> shapes.RLE:
    where = f"prediction {row.prediction_id} of prompt {row.prompt_id}"
    if (row.height, row.width) != (image.height, image.width):
        raise UserError(
            f"{where}: its mask is {row.width}×{row.height} px, image {image.image_id} is "
            f"{image.width}×{image.height}; predict again"
        )
    try:
        return shapes.rle(row.rle, row.height, row.width)
    except UserError as error:
        raise UserError(f"{where}: {error}; predict again") from None


def _check_images(images: pd.DataFrame, truth: Truth) -> None:
    if images["image_id"].duplicated().any():
        raise UserError("images.parquet names an image twice; make the data set again")
    unknown = [key for key in images["image_id"] if key not in truth.images]
    if unknown:
        raise UserError(f"image {unknown[0]} is in images.parquet and not in instances.json; make the data set again")


def _check_prompts(prompts: pd.DataFrame) -> None:
    twice = prompts["prompt_id"].duplicated()
    if twice.any():
        raise UserError(f"prompt {prompts.loc[twice, 'prompt_id'].iat[0]} stands twice in the prompts; make them again")


def _check_masks(masks: pd.DataFrame, prompts: pd.DataFrame) -> None:
    of_image = dict(zip(prompts["prompt_id"], prompts["image_id"], strict=True))
    wanted = masks["prompt_id"].map(of_image)
    scores = masks["score"].to_numpy(np.float64)
    for wrong, what in (
        (~masks["prompt_id"].isin(of_image), "is of a prompt that this shard's images do not have"),
        (wanted != masks["image_id"], "is of another image than its prompt"),
        (masks.duplicated(["prompt_id", "prediction_id"]), "stands there twice"),
        (pd.Series(~((scores >= 0) & (scores <= 1)), masks.index), "has a score that is not between 0 and 1"),
    ):
        if wrong.any():
            row = masks[wrong].iloc[0]
            where = f"prediction {row['prediction_id']} of prompt {row['prompt_id']}, image {row['image_id']}"
            raise UserError(f"masks.parquet: {where}, {what}; predict again")


def _frame(name: str, rows: list[tuple]) -> pd.DataFrame:
    """Rows in the order of the table's columns; nulls in whole-number columns stay nulls."""
    frame = pd.DataFrame(rows, columns=SCHEMAS[name].names)
    nullable = {"truth_id": "Int64", "prediction_id": "Int64", "truth_area_px": "Int64"} if name == "instances" else {}
    return frame.astype(nullable)
