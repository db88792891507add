"""Statistics of a prompt of any kind that do not come from its one-to-one matches: columns of table `pairs`."""

from typing import Any

import numpy as np

from samgap.masks import rle
from samgap.masks.area_ranges import is_in_area_range
from samgap.matching.assignment import MATCH_THRESHOLD
from samgap.matching.overlap import ImageOverlap
from samgap.tables.matching import AREA_LABELS, PAPER_REPO_MEASURES


def count_by_size(overlap: ImageOverlap, truth_columns: np.ndarray) -> dict[str, int]:
    """Return the number of small, medium and large instances; one at a limit counts in both, as in pycocotools."""
    areas = overlap.truth.mask_or_box_areas[truth_columns]
    return {f"truth_{size}": int(is_in_area_range(areas, size).sum()) for size in AREA_LABELS}


def measure_unions(overlap: ImageOverlap, counted_rows: np.ndarray, truth_columns: np.ndarray) -> dict[str, Any]:
    """Return the areas of the union of all predictions, the union of all instances, and their intersection.

    `sum_off` is the sum over predictions of the fraction of each that lies outside the instances.
    """
    truth = [overlap.merge_truth(truth_columns)] if len(truth_columns) else []
    predicted_rles = [overlap.predictions.rles[row] for row in counted_rows]
    predicted = [rle.merge(predicted_rles)] if predicted_rles else []
    return {
        "truth_px": int(rle.compute_areas(truth).sum()),
        "predicted_px": int(rle.compute_areas(predicted).sum()),
        "common_px": int(rle.compute_intersections(predicted, truth).sum()),
        "sum_off": float((1 - overlap.share_inside(counted_rows, truth_columns)).sum()),
    }


def count_covered(overlap: ImageOverlap, counted_rows: np.ndarray, truth_columns: np.ndarray) -> int:
    """Return the number of instances that match some prediction; one prediction may match several instances."""
    if not len(counted_rows):
        return 0
    ious = overlap.iou[np.ix_(counted_rows, truth_columns)]
    return int((ious >= MATCH_THRESHOLD).any(axis=0).sum())


def find_best_ious(overlap: ImageOverlap, prediction_rows: np.ndarray, truth_columns: np.ndarray) -> np.ndarray:
    """Return the highest IoU of each instance with any prediction of the prompt, (instances,); 0 without one."""
    ious = overlap.iou[np.ix_(prediction_rows, truth_columns)]
    return np.max(ious, axis=0, initial=0.0)


def sum_index_paired(overlap: ImageOverlap, counted_rows: np.ndarray, truth_columns: np.ndarray) -> dict[str, float]:
    """Return sums over predictions and instances paired by their index, as in the paper's published code."""
    pairs = list(zip(counted_rows, truth_columns, strict=False))
    measures = np.array([overlap.index_paired_measures(*pair) for pair in pairs])
    measures = measures.reshape(-1, len(PAPER_REPO_MEASURES))
    return {
        "upstream_n": len(pairs),
        **{f"upstream_{name}": measures[:, k].sum() for k, name in enumerate(PAPER_REPO_MEASURES)},
    }


def list_click_ious(
    overlap: ImageOverlap, prediction_rows: np.ndarray, truth_columns: np.ndarray
) -> list[float] | None:
    """Return the IoU after each click; None if the predictions were not made click by click."""
    clicks = overlap.predictions.table["clicks"].iloc[prediction_rows]
    if clicks.isna().any() or not len(clicks) or not len(truth_columns):
        return None
    order = np.argsort(clicks.to_numpy(np.int64))
    return [float(overlap.iou[row, truth_columns[0]]) for row in prediction_rows[order]]
