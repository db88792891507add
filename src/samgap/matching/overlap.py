"""Overlap of one image: the IoU matrices of all its predictions and all its instances.

Every mask is decoded at most once per image, for all prompts together.
"""

import functools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pycocotools import mask as coco_mask

from samgap.annotations.ground_truth import Instance
from samgap.errors import UserError
from samgap.masks import boundaries, rle
from samgap.matching import checks
from samgap.tables.matching import ERROR_MEASURES, MEASURES

IGNORE_SHARE = 0.5
"""The fraction of a prediction inside `ignore` instances from which it may be left out as neither true nor false."""


@dataclass(frozen=True)
class PredictedMasks:
    """The N predictions of one image, for all its prompts, sorted by prompt and prediction id."""

    table: pd.DataFrame
    """Rows of table `masks`."""
    ids: np.ndarray
    """`prediction_id`, (N,)."""
    scores: np.ndarray
    """(N,)."""
    rles: list[rle.RLE]
    areas: np.ndarray
    """px, int64 (N,)."""
    boxes: np.ndarray
    """x0, y0, x1, y1 in px, float64 (N, 4)."""
    box_areas: np.ndarray
    """px, float64 (N,)."""

    @classmethod
    def from_table(cls, masks: pd.DataFrame, image_row: Any) -> "PredictedMasks":
        """Read the rows of table `masks` of one image; an invalid mask raises UserError."""
        table = masks.sort_values(["prompt_id", "prediction_id"], ignore_index=True)
        rles = [checks.prediction_rle(row, image_row) for row in table.itertuples(index=False)]
        boxes = table[["x0", "y0", "x1", "y1"]].to_numpy(np.float64)
        return cls(
            table,
            table["prediction_id"].to_numpy(),
            table["score"].to_numpy(),
            rles,
            rle.compute_areas(rles),
            boxes,
            np.prod(boxes[:, 2:] - boxes[:, :2], axis=1),
        )


@dataclass(frozen=True)
class TruthMasks:
    """The M instances of one image."""

    instances: list[Instance]
    column_by_id: dict[int, int]
    """The index of each instance id."""
    rles: list[rle.RLE]
    """Masks; the filled box of an instance without a mask."""
    areas: np.ndarray
    """px, int64 (M,)."""
    boxes: np.ndarray
    """x0, y0, x1, y1 in px, float64 (M, 4)."""
    has_mask: np.ndarray
    """bool (M,)."""
    is_ignore: np.ndarray
    """bool (M,)."""

    @classmethod
    def from_instances(cls, instances: list[Instance], image_row: Any) -> "TruthMasks":
        """Read the instances of one image; an invalid mask or a duplicated id raises UserError."""
        column_by_id = {instance.id: index for index, instance in enumerate(instances)}
        if len(column_by_id) != len(instances):
            raise UserError(f"image {image_row.image_id}: two instances have the same id; make the data set again")
        rles = [checks.truth_rle(instance, image_row) for instance in instances]
        return cls(
            instances,
            column_by_id,
            rles,
            rle.compute_areas(rles),
            np.array([instance.box for instance in instances], np.float64).reshape(-1, 4),
            np.array([instance.rle is not None for instance in instances], bool),
            np.array([instance.ignore for instance in instances], bool),
        )

    @functools.cached_property
    def mask_or_box_areas(self) -> np.ndarray:
        """Areas in px, (M,): of masks, and of boxes for instances without a mask."""
        box_areas = np.prod(self.boxes[:, 2:] - self.boxes[:, :2], axis=1)
        return np.where(self.has_mask, self.areas, box_areas)

    def columns_of_nouns(self, nouns: Collection[str], ignore: bool = False) -> np.ndarray:
        """Return the indices of the instances with one of the nouns, int64.

        Args:
            nouns: nouns of a phrase.
            ignore: whether to return the instances that are marked `ignore`, or those that are not.
        """
        columns = [
            index
            for index, instance in enumerate(self.instances)
            if instance.noun in nouns and instance.ignore == ignore
        ]
        return np.array(columns, np.int64)


class ImageOverlap:
    """The overlaps of the N predictions and the M instances of one image.

    Args:
        image_row: row of table `images`, as a named tuple.
        instances: the instances of the image.
        masks: the rows of table `masks` of the image.

    Attributes:
        intersection: of masks in px, int64 (N, M); 0 where an instance has no mask.
        iou: of masks, float64 (N, M); 0 where an instance has no mask.
        box_iou: of boxes, float64 (N, M); the fraction of the prediction inside the instance if that is `ignore`.
        match_iou: `iou`, or `box_iou` for instances without a mask, float64 (N, M).
    """

    def __init__(self, image_row: Any, instances: list[Instance], masks: pd.DataFrame) -> None:
        self.image_row = image_row
        self.truth = TruthMasks.from_instances(instances, image_row)
        self.predictions = PredictedMasks.from_table(masks, image_row)
        self.intersection = rle.compute_intersections(self.predictions.rles, self.truth.rles)
        self.intersection[:, ~self.truth.has_mask & ~self.truth.is_ignore] = 0
        self.iou = rle.iou(self.intersection, self.predictions.areas[:, None], self.truth.areas[None])
        self.box_iou = self._compute_box_iou()
        self.match_iou = np.where(self.truth.has_mask, self.iou, self.box_iou)
        self._in_regions: dict[tuple[int, ...], np.ndarray] = {}
        self._crops: dict[tuple[str, int], boundaries.Crop] = {}

    def _compute_box_iou(self) -> np.ndarray:
        box_iou = np.zeros((len(self.predictions.boxes), len(self.truth.boxes)))
        if box_iou.size:
            # pycocotools reads the memory row by row, whatever the array's strides.
            corners = (self.predictions.boxes, self.truth.boxes)
            xywh = [np.ascontiguousarray(np.hstack([box[:, :2], box[:, 2:] - box[:, :2]])) for box in corners]
            box_iou[:] = coco_mask.iou(*xywh, self.truth.is_ignore.astype(np.uint8).tolist())
        return box_iou

    def is_in_region(self, ignored_columns: np.ndarray) -> np.ndarray:
        """Return whether at least `IGNORE_SHARE` of a prediction lies in the union of some instances, bool (N,)."""
        key = tuple(ignored_columns.tolist())
        if key not in self._in_regions:
            region = [self.merge_truth(ignored_columns)] if key else []
            inside = rle.compute_intersections(self.predictions.rles, region).sum(axis=1)
            self._in_regions[key] = (inside >= IGNORE_SHARE * self.predictions.areas) & (inside > 0)
        return self._in_regions[key]

    @functools.cached_property
    def annotated_share(self) -> np.ndarray:
        """The fraction of each prediction that lies on instances, whether or not they are marked `ignore`, (N,)."""
        return self.share_inside(np.arange(len(self.predictions.rles)), np.arange(len(self.truth.rles)))

    def share_inside(self, prediction_rows: np.ndarray, truth_columns: np.ndarray) -> np.ndarray:
        """Return the fraction of each prediction that lies on the union of some instances; 0 for an empty mask."""
        if not len(truth_columns) or not len(prediction_rows):
            return np.zeros(len(prediction_rows))
        if len(truth_columns) == 1:
            common = self.intersection[prediction_rows, truth_columns[0]]
        else:
            masks = [self.predictions.rles[row] for row in prediction_rows]
            common = rle.compute_intersections(masks, [self.merge_truth(truth_columns)])[:, 0]
        return common / np.maximum(self.predictions.areas[prediction_rows], 1)

    def merge_truth(self, truth_columns: np.ndarray) -> rle.RLE:
        """Return the union of the masks of one or more instances."""
        return rle.merge([self.truth.rles[column] for column in truth_columns])

    def compute_measures(self, prediction_row: int, truth_column: int) -> list[float]:
        """Return all of `MEASURES` and `ERROR_MEASURES`; NaN for measures of masks if the instance has no mask."""
        values = {
            "box_iou": self.box_iou[prediction_row, truth_column],
            "box_error": self._box_error(prediction_row, truth_column),
        }
        if self.truth.has_mask[truth_column]:
            area, truth_area = self.predictions.areas[prediction_row], self.truth.areas[truth_column]
            values["iou"] = self.iou[prediction_row, truth_column]
            values["dice"] = rle.dice(self.intersection[prediction_row, truth_column], area, truth_area)
            values["area_error"] = abs(area - truth_area) / truth_area
            crops = self._crop_pair(prediction_row, truth_column)
            values |= boundaries.compute_boundary_measures(*crops, self.image_row.height, self.image_row.width)
        return [float(values.get(name, np.nan)) for name in (*MEASURES, *ERROR_MEASURES)]

    def _box_error(self, prediction_row: int, truth_column: int) -> float:
        edge_distances = np.abs(self.predictions.boxes[prediction_row] - self.truth.boxes[truth_column])
        return float(
            edge_distances[::2].sum() / self.image_row.width + edge_distances[1::2].sum() / self.image_row.height
        )

    def index_paired_measures(self, prediction_row: int, truth_column: int) -> tuple[float, float, float]:
        """Return IoU, Dice and boundary F at 2 px of two masks, which may be far apart."""
        common = self.intersection[prediction_row, truth_column]
        crops = self._crop_pair(prediction_row, truth_column)
        if not common and boundaries.exceeds_distance(*crops, 2):
            return 0.0, 0.0, 0.0
        masks = boundaries.crop_pair(*crops, self.image_row.height, self.image_row.width)
        distances = boundaries.compute_boundary_distances(*(boundaries.extract_boundary(mask) for mask in masks))
        dice = rle.dice(common, self.predictions.areas[prediction_row], self.truth.areas[truth_column])
        return float(self.iou[prediction_row, truth_column]), float(dice), boundaries.boundary_f(distances, 2)

    def _crop_pair(self, prediction_row: int, truth_column: int) -> tuple[boundaries.Crop, boundaries.Crop]:
        return self.crop("prediction", prediction_row), self.crop("truth", truth_column)

    def crop(self, side: str, index: int) -> boundaries.Crop:
        """Return a mask, decoded inside its box. `side` is "prediction" or "truth"."""
        if (side, index) not in self._crops:
            rles = self.predictions.rles if side == "prediction" else self.truth.rles
            self._crops[side, index] = rle.crop(rles[index])
        return self._crops[side, index]

    def to_table(self, is_target: np.ndarray) -> pd.DataFrame:
        """Return the rows of table `overlaps`.

        Args:
            is_target: whether an instance belongs to the prompt of a prediction, bool (N, M).
        """
        rows, columns = np.nonzero(self.intersection)
        return pd.DataFrame(
            {
                "prompt_id": self.predictions.table["prompt_id"].to_numpy()[rows],
                "prediction_id": self.predictions.ids[rows],
                "truth_id": np.array(list(self.truth.column_by_id), np.int64)[columns],
                "intersection_px": self.intersection[rows, columns],
                "iou": self.iou[rows, columns],
                "ioa": self.intersection[rows, columns] / self.predictions.areas[rows],
                "target": is_target[rows, columns],
                "ignore": self.truth.is_ignore[columns],
            }
        )
