"""One image: all its predictions against all its instances, so that each mask is read once for all prompts."""

import functools
from typing import Any

import numpy as np
import pandas as pd
from pycocotools import mask as coco_mask

from samgap import inputs, outlines
from samgap import masks as shapes
from samgap.errors import UserError
from samgap.tables import ERRORS, MEASURES
from samgap.truth import Instance

MATCH = 0.5
"""IoU from which a prediction is a match, and the share of it inside `ignore` from which it is left out."""


class Overlap:
    """N predictions (rows of table `masks`, sorted) and M instances of one image (a row of table `images`).

    `intersection` (N, M) px and `iou` (N, M) are of masks, 0 where an instance has none; `box_iou` (N, M) of boxes,
    where an instance to be ignored has the share of the prediction inside it. `match` is `iou`, or `box_iou` of
    instances without a mask. `ignored` (N,): does at least half of the prediction lie in instances to be ignored?
    """

    def __init__(self, image: Any, instances: list[Instance], masks: pd.DataFrame) -> None:
        self.image, self.instances = image, instances
        self.masks = masks.sort_values(["prompt_id", "prediction_id"], ignore_index=True)
        self.keys, self.scores = (self.masks[name].to_numpy() for name in ("prediction_id", "score"))
        self.column = {item.id: number for number, item in enumerate(instances)}
        if len(self.column) != len(instances):
            raise UserError(f"image {image.image_id}: two instances have one id; make the data set again")
        self.truths = [inputs.truth_rle(item, image) for item in instances]
        self.predictions = [inputs.prediction_rle(row, image) for row in self.masks.itertuples(index=False)]
        self.ignore = np.array([item.ignore for item in instances], bool)
        self.masked = np.array([item.rle is not None for item in instances], bool)
        self.truth_area, self.area = shapes.areas(self.truths), shapes.areas(self.predictions)
        self.intersection = shapes.intersections(self.predictions, self.truths)
        self.intersection[:, ~self.masked & ~self.ignore] = 0
        self.iou = shapes.iou(self.intersection, self.area[:, None], self.truth_area[None])
        self.boxes = self.masks[["x0", "y0", "x1", "y1"]].to_numpy(np.float64)
        self.truth_boxes = np.array([item.box for item in instances], np.float64).reshape(-1, 4)
        self.box_area = np.prod(self.boxes[:, 2:] - self.boxes[:, :2], axis=1)
        self.box_iou = self._box_iou()
        self.match = np.where(self.masked, self.iou, self.box_iou)
        aside = [mask for mask, ignore in zip(self.truths, self.ignore, strict=True) if ignore]
        inside = shapes.intersections(self.predictions, [shapes.union(aside)] if aside else []).sum(axis=1)
        self.ignored = (inside >= MATCH * self.area) & (inside > 0)
        self.crops: dict[tuple[str, int], outlines.Crop] = {}

    def _box_iou(self) -> np.ndarray:
        found = np.zeros((len(self.boxes), len(self.truth_boxes)))
        if found.size:
            # pycocotools reads arrays row by row, however they lie in memory.
            corners = (self.boxes, self.truth_boxes)
            sides = [np.ascontiguousarray(np.hstack([box[:, :2], box[:, 2:] - box[:, :2]])) for box in corners]
            found[:] = coco_mask.iou(*sides, self.ignore.astype(np.uint8).tolist())
        return found

    @functools.cached_property
    def labelled_share(self) -> np.ndarray:
        """Which share of each prediction lies on instances that are not to be ignored, (N,)."""
        return self.share_on(np.arange(len(self.predictions)), np.flatnonzero(~self.ignore))

    def share_on(self, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Which share of each of the predictions `rows` lies on the instances together; 0 where it is empty."""
        if not len(columns) or not len(rows):
            return np.zeros(len(rows))
        if len(columns) == 1:
            common = self.intersection[rows, columns[0]]
        else:
            masks = [self.predictions[row] for row in rows]
            common = shapes.intersections(masks, [self.union_of(columns)])[:, 0]
        return common / np.maximum(self.area[rows], 1)

    def union_of(self, columns: np.ndarray) -> shapes.RLE:
        """What the masks of one or more instances hold together."""
        return shapes.union([self.truths[column] for column in columns])

    def measures(self, prediction: int, column: int) -> list[float]:
        """All of `MEASURES` and `ERRORS` of a prediction and an instance; NaN is null: the instance has no mask."""
        found = {"box_iou": self.box_iou[prediction, column], "box_error": self._box_error(prediction, column)}
        if self.masked[column]:
            area, truth_area = self.area[prediction], self.truth_area[column]
            found["iou"] = self.iou[prediction, column]
            found["dice"] = shapes.dice(self.intersection[prediction, column], area, truth_area)
            found["area_error"] = abs(area - truth_area) / truth_area
            crops = self._crops(prediction, column)
            found |= outlines.measures(*crops, self.image.height, self.image.width)
        return [float(found.get(name, np.nan)) for name in (*MEASURES, *ERRORS)]

    def _box_error(self, prediction: int, column: int) -> float:
        edges = np.abs(self.boxes[prediction] - self.truth_boxes[column])
        return float(edges[::2].sum() / self.image.width + edges[1::2].sum() / self.image.height)

    def by_place(self, prediction: int, column: int) -> tuple[float, float, float]:
        """IoU, Dice and boundary F at 2 px of masks that may lie far apart."""
        common = self.intersection[prediction, column]
        if not common and outlines.far(*self._crops(prediction, column), 2):
            return 0.0, 0.0, 0.0
        one, other = outlines.together(*self._crops(prediction, column), self.image.height, self.image.width)
        distances = outlines.apart(outlines.boundary(one), outlines.boundary(other))
        dice = shapes.dice(common, self.area[prediction], self.truth_area[column])
        return float(self.iou[prediction, column]), float(dice), outlines.f_score(distances, 2)

    def _crops(self, prediction: int, column: int) -> tuple[outlines.Crop, outlines.Crop]:
        return self.crop("prediction", prediction), self.crop("truth", column)

    def crop(self, side: str, number: int) -> outlines.Crop:
        if (side, number) not in self.crops:
            self.crops[side, number] = shapes.crop((self.predictions if side == "prediction" else self.truths)[number])
        return self.crops[side, number]

    def table(self, target: np.ndarray) -> pd.DataFrame:
        """Table `overlaps`; `target` bool (N, M) says which instances a prediction's prompt asks for."""
        at, to = np.nonzero(self.intersection)
        return pd.DataFrame(
            {
                "prompt_id": self.masks["prompt_id"].to_numpy()[at],
                "prediction_id": self.keys[at],
                "truth_id": np.array(list(self.column), np.int64)[to],
                "intersection_px": self.intersection[at, to],
                "iou": self.iou[at, to],
                "ioa": self.intersection[at, to] / self.area[at],
                "target": target[at, to],
                "ignore": self.ignore[to],
            }
        )
