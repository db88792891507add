"""The distances of predictions to the nearest labelled instance. A distant prediction may be an unlabelled object."""

import functools

import numpy as np
from scipy.spatial import cKDTree

from samgap.masks import rle
from samgap.masks.boundaries import Crop, extract_boundary
from samgap.matching.overlap import ImageOverlap

LABELLED_DISTANCE = 0.1
"""Default of `labelled-distance`: the distance from which a prediction is far from all labels, in image heights."""


class LabelDistances:
    """Measures the predictions of one image; its labels are indexed once, when the first prediction needs it.

    Args:
        overlap: of the image.
    """

    def __init__(self, overlap: ImageOverlap) -> None:
        self._overlap = overlap

    def measure(self, prediction_rows: np.ndarray) -> np.ndarray:
        """Return the distance of each mask to the nearest labelled instance of any noun, px, float64.

        The distance is that of the two nearest pixels, and 0 if the masks have a common pixel. It is infinite without
        an instance, and NaN for an empty mask, which is nowhere. An instance without a mask is its filled box. One that
        is marked `ignore` is no label here: it often marks a region whose objects have none.

        Args:
            prediction_rows: the predictions.
        """
        predictions = self._overlap.predictions
        distances_px = np.full(len(prediction_rows), np.inf)
        if len(prediction_rows) and len(self._labelled_columns):
            rles = [predictions.rles[row] for row in prediction_rows]
            is_apart = rle.compute_intersections(rles, [self._union])[:, 0] == 0
            distances_px[~is_apart] = 0
            for index in np.flatnonzero(is_apart & (predictions.areas[prediction_rows] > 0)):
                points = _list_boundary_pixels(self._overlap.crop("prediction", int(prediction_rows[index])))
                distances_px[index] = self._boundaries.query(points)[0].min()
        distances_px[predictions.areas[prediction_rows] == 0] = np.nan
        return distances_px

    @functools.cached_property
    def _labelled_columns(self) -> np.ndarray:
        """The instances that are not marked `ignore` and have a pixel."""
        truth = self._overlap.truth
        return np.flatnonzero(~truth.is_ignore & (truth.areas > 0))

    @functools.cached_property
    def _union(self) -> rle.RLE:
        return self._overlap.merge_truth(self._labelled_columns)

    @functools.cached_property
    def _boundaries(self) -> cKDTree:
        """A tree of the boundary pixels of all labelled instances.

        Of two masks without a common pixel, the nearest pixels are on both boundaries.
        """
        crops = [self._overlap.crop("truth", column) for column in self._labelled_columns.tolist()]
        return cKDTree(np.concatenate([_list_boundary_pixels(crop) for crop in crops]))


def _list_boundary_pixels(crop: Crop) -> np.ndarray:
    """Return row and column of the boundary pixels of a mask in its image, int64 (N, 2)."""
    return np.argwhere(extract_boundary(crop.mask)) + np.array([crop.top, crop.left])
