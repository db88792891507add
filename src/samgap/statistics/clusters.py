"""Clusters, the units of resampling: the images of a data set, or groups of images (a video, a source photograph)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap.errors import UserError

MIN_CLUSTERS = 4
"""With fewer clusters that carry a value, it has neither interval nor test."""
MIN_TESTED_CLUSTERS = 12
"""With fewer clusters, two strata or data sets have no test: in simulations it rejects up to 9 % of equal values at the
level of 5 %, as not all clusters carry both values."""


@dataclass(frozen=True)
class Clustering:
    """The clusters of a data set, the same for all its cells."""

    kind: str
    """`image` or `group`."""
    count: int
    """Number of clusters."""
    cluster_by_image: pd.Series
    """Cluster code, 0 to `count` − 1, by image id."""

    def cluster_codes(self, image_ids: pd.Series | np.ndarray) -> np.ndarray:
        """Return the cluster code of each image, int64 (N,).

        Raises:
            UserError: an image is not in the data set.
        """
        codes = pd.Series(np.asarray(image_ids)).map(self.cluster_by_image)
        if codes.isna().any():
            image_id = np.asarray(image_ids)[codes.isna().to_numpy()][0]
            raise UserError(
                f"pairs.parquet: image {image_id} is not in its data set's images.parquet; run the matching again"
            )
        return codes.to_numpy(np.int64)


def assign_clusters(images: pd.DataFrame) -> Clustering:
    """Assign the images of table `images` to clusters: its groups, or single images if each image is its own group.

    Few groups are groups all the same, and so is a single one: images of one group are alike, so intervals over images
    would be too narrow.
    """
    if images["group"].nunique() == len(images):
        ids = images["image_id"].to_numpy()
        return Clustering("image", len(ids), pd.Series(np.arange(len(ids)), index=np.sort(ids)))
    codes, names = pd.factorize(images["group"], sort=True)
    return Clustering("group", len(names), pd.Series(codes, index=images["image_id"].to_numpy()))
