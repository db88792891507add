"""One image: all its predictions against all its instances, so that each mask is read once for all prompts."""

import functools
from typing import Any

import numpy as np
import pandas as pd
from pycocotools import mask as coco_mask

from samgap.annotations.ground_truth import Instance
from samgap.errors import UserError
from samgap.masks import boundaries
from samgap.masks import rle as shapes
from samgap.matching import checks
from samgap.tables.matching import ERROR_MEASURES, MEASURES

MATCH_THRESHOLD = 0.5
"""IoU from which a prediction is a match, and the share of it inside `ignore` from which it is left out."""


class ImageOverlap:
    """N predictions (rows of table `masks`, sorted) and M instances of one image (a row of table `images`).

    `intersection` (N, M) px and `iou` (N, M) are of masks, 0 where an instance has none; `box_iou` (N, M) of boxes,
    where an instance to be ignored has the share of the prediction inside it. `match` is `iou`, or `box_iou` of
    instances without a mask. `ignored` (N,): does at least half of the prediction lie in instances to be ignored?
    """

    def __init__(self, image: Any, instances: list[Instance], masks: pd.DataFrame) -> None:
        self.image_row, self.instances = image, instances
        self.masks = masks.sort_values(["prompt_id", "prediction_id"], ignore_index=True)
        self.prediction_ids, self.scores = (self.masks[name].to_numpy() for name in ("prediction_id", "score"))
        self.column_by_id = {item.id: number for number, item in enumerate(instances)}
        if len(self.column_by_id) != len(instances):
            raise UserError(f"image {image.image_id}: two instances have one id; make the data set again")
        self.truth_rles = [checks.truth_rle(item, image) for item in instances]
        self.prediction_rles = [checks.prediction_rle(row, image) for row in self.masks.itertuples(index=False)]
        self.is_ignore = np.array([item.ignore for item in instances], bool)
        self.has_mask = np.array([item.rle is not None for item in instances], bool)
        self.truth_area, self.prediction_area = shapes.areas(self.truth_rles), shapes.areas(self.prediction_rles)
        self.intersection = shapes.intersections(self.prediction_rles, self.truth_rles)
        self.intersection[:, ~self.has_mask & ~self.is_ignore] = 0
        self.iou = shapes.iou(self.intersection, self.prediction_area[:, None], self.truth_area[None])
        self.prediction_boxes = self.masks[["x0", "y0", "x1", "y1"]].to_numpy(np.float64)
        self.truth_boxes = np.array([item.box for item in instances], np.float64).reshape(-1, 4)
        self.prediction_box_area = np.prod(self.prediction_boxes[:, 2:] - self.prediction_boxes[:, :2], axis=1)
        self.box_iou = self._compute_box_iou()
        self.match_iou = np.where(self.has_mask, self.iou, self.box_iou)
        aside = [mask for mask, ignore in zip(self.truth_rles, self.is_ignore, strict=True) if ignore]
        inside = shapes.intersections(self.prediction_rles, [shapes.merge(aside)] if aside else []).sum(axis=1)
        self.in_ignore_region = (inside >= MATCH_THRESHOLD * self.prediction_area) & (inside > 0)
        self.crop_cache: dict[tuple[str, int], boundaries.Crop] = {}

    def _compute_box_iou(self) -> np.ndarray:
        found = np.zeros((len(self.prediction_boxes), len(self.truth_boxes)))
        if found.size:
            # pycocotools reads arrays row by row, however they lie in memory.
            corners = (self.prediction_boxes, self.truth_boxes)
            sides = [np.ascontiguousarray(np.hstack([box[:, :2], box[:, 2:] - box[:, :2]])) for box in corners]
            found[:] = coco_mask.iou(*sides, self.is_ignore.astype(np.uint8).tolist())
        return found

    @functools.cached_property
    def labelled_share(self) -> np.ndarray:
        """Which share of each prediction lies on instances that are not to be ignored, (N,)."""
        return self.share_inside(np.arange(len(self.prediction_rles)), np.flatnonzero(~self.is_ignore))

    def share_inside(self, prediction_rows: np.ndarray, truth_columns: np.ndarray) -> np.ndarray:
        """Which share of each of the predictions `rows` lies on the instances together; 0 where it is empty."""
        if not len(truth_columns) or not len(prediction_rows):
            return np.zeros(len(prediction_rows))
        if len(truth_columns) == 1:
            common = self.intersection[prediction_rows, truth_columns[0]]
        else:
            masks = [self.prediction_rles[row] for row in prediction_rows]
            common = shapes.intersections(masks, [self.merge_truth(truth_columns)])[:, 0]
        return common / np.maximum(self.prediction_area[prediction_rows], 1)

    def merge_truth(self, truth_columns: np.ndarray) -> shapes.RLE:
        """What the masks of one or more instances hold together."""
        return shapes.merge([self.truth_rles[column] for column in truth_columns])

    def compute_measures(self, prediction_row: int, truth_column: int) -> list[float]:
        """All of `MEASURES` and `ERRORS` of a prediction and an instance; NaN is null: the instance has no mask."""
        found = {
            "box_iou": self.box_iou[prediction_row, truth_column],
            "box_error": self._box_error(prediction_row, truth_column),
        }
        if self.has_mask[truth_column]:
            area, truth_area = self.prediction_area[prediction_row], self.truth_area[truth_column]
            found["iou"] = self.iou[prediction_row, truth_column]
            found["dice"] = shapes.dice(self.intersection[prediction_row, truth_column], area, truth_area)
            found["area_error"] = abs(area - truth_area) / truth_area
            crops = self._crop_pair(prediction_row, truth_column)
            found |= boundaries.compute_boundary_measures(*crops, self.image_row.height, self.image_row.width)
        return [float(found.get(name, np.nan)) for name in (*MEASURES, *ERROR_MEASURES)]

    def _box_error(self, prediction_row: int, truth_column: int) -> float:
        edges = np.abs(self.prediction_boxes[prediction_row] - self.truth_boxes[truth_column])
        return float(edges[::2].sum() / self.image_row.width + edges[1::2].sum() / self.image_row.height)

    def index_paired_measures(self, prediction_row: int, truth_column: int) -> tuple[float, float, float]:
        """IoU, Dice and boundary F at 2 px of masks that may lie far apart."""
        common = self.intersection[prediction_row, truth_column]
        if not common and boundaries.exceeds_distance(*self._crop_pair(prediction_row, truth_column), 2):
            return 0.0, 0.0, 0.0
        one, other = boundaries.crop_pair(
            *self._crop_pair(prediction_row, truth_column), self.image_row.height, self.image_row.width
        )
        distances = boundaries.boundary_distances(boundaries.extract_boundary(one), boundaries.extract_boundary(other))
        dice = shapes.dice(common, self.prediction_area[prediction_row], self.truth_area[truth_column])
        return float(self.iou[prediction_row, truth_column]), float(dice), boundaries.boundary_f(distances, 2)

    def _crop_pair(self, prediction_row: int, truth_column: int) -> tuple[boundaries.Crop, boundaries.Crop]:
        return self.crop("prediction", prediction_row), self.crop("truth", truth_column)

    def crop(self, side: str, index: int) -> boundaries.Crop:
        if (side, index) not in self.crop_cache:
            self.crop_cache[side, index] = shapes.crop(
                (self.prediction_rles if side == "prediction" else self.truth_rles)[index]
            )
        return self.crop_cache[side, index]

    def to_table(self, is_target: np.ndarray) -> pd.DataFrame:
        """Table `overlaps`; `target` bool (N, M) says which instances a prediction's prompt asks for."""
        at, to = np.nonzero(self.intersection)
        return pd.DataFrame(
            {
                "prompt_id": self.masks["prompt_id"].to_numpy()[at],
                "prediction_id": self.prediction_ids[at],
                "truth_id": np.array(list(self.column_by_id), np.int64)[to],
                "intersection_px": self.intersection[at, to],
                "iou": self.iou[at, to],
                "ioa": self.intersection[at, to] / self.prediction_area[at],
                "target": is_target[at, to],
                "ignore": self.is_ignore[to],
            }
        )
