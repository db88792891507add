"""The distances of predictions to the nearest labelled instance. A distant prediction may be an unlabelled object."""

import numpy as np
from scipy.spatial import cKDTree

from samgap.masks import rle
from samgap.masks.boundaries import Crop, extract_boundary
from samgap.matching.overlap import ImageOverlap


class LabelDistances:
    """Measures the predictions of one image; the labels of each set of nouns are indexed once.

    Args:
        overlap: of the image.
    """

    def __init__(self, overlap: ImageOverlap) -> None:
        self._overlap = overlap
        self._trees: dict[tuple[int, ...], cKDTree | None] = {}

    def measure(self, prediction_rows: np.ndarray, labelled_columns: np.ndarray) -> np.ndarray:
        """Return the distance of each mask to the nearest of some instances, px, float64.

        The distance is that of the two nearest pixels, and 0 if the masks have a common pixel. It is infinite without
        an instance, and NaN for an empty mask, which is nowhere. An instance without a mask is its filled box.

        Args:
            prediction_rows: the predictions.
            labelled_columns: the instances.
        """
        predictions = self._overlap.predictions
        distances_px = np.full(len(prediction_rows), np.inf)
        tree = self._index_boundaries(labelled_columns)
        if tree is not None:
            rles = [predictions.rles[row] for row in prediction_rows]
            is_apart = rle.compute_intersections(rles, [self._overlap.merge_truth(labelled_columns)])[:, 0] == 0
            distances_px[~is_apart] = 0
            for index in np.flatnonzero(is_apart & (predictions.areas[prediction_rows] > 0)):
                points = _list_boundary_pixels(self._overlap.crop("prediction", int(prediction_rows[index])))
                distances_px[index] = tree.query(points)[0].min()
        distances_px[predictions.areas[prediction_rows] == 0] = np.nan
        return distances_px

    def _index_boundaries(self, columns: np.ndarray) -> cKDTree | None:
        """Return a tree of the boundary pixels of some instances; None without a pixel."""
        key = tuple(columns.tolist())
        if key not in self._trees:
            # Of two masks without a common pixel, the nearest pixels are on both boundaries.
            points = [_list_boundary_pixels(self._overlap.crop("truth", column)) for column in key]
            n_points = sum(map(len, points))
            self._trees[key] = cKDTree(np.concatenate(points)) if n_points else None
        return self._trees[key]


def _list_boundary_pixels(crop: Crop) -> np.ndarray:
    """Return row and column of the boundary pixels of a mask in its image, int64 (N, 2)."""
    return np.argwhere(extract_boundary(crop.mask)) + np.array([crop.top, crop.left])
