"""What is drawn as one: the images of a data set, or groups of them (a video, a source photo)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap.errors import UserError

MIN_GROUPS = 10
"""With fewer groups than these an interval over groups would itself be a guess."""


@dataclass(frozen=True)
class Clustering:
    """`numbers` gives each image id its cluster, 0 … `count` − 1, the same for all cells of a data set."""

    kind: str
    """`image` or `group`."""
    count: int
    cluster_by_image: pd.Series
    warning: str | None = None

    def cluster_codes(self, image_ids: pd.Series | np.ndarray) -> np.ndarray:
        """The cluster of each image, int64 (N,); an image that the data set lacks raises UserError."""
        found = pd.Series(np.asarray(image_ids)).map(self.cluster_by_image)
        if found.isna().any():
            image = np.asarray(image_ids)[found.isna().to_numpy()][0]
            raise UserError(f"pairs.parquet: image {image} is not in its data set's images.parquet; measure again")
        return found.to_numpy(np.int64)


def assign_clusters(images: pd.DataFrame) -> Clustering:
    """The clusters of a data set from its table `images`: its groups, or single images below `FEWEST` groups."""
    groups = images["group"].nunique()
    if groups == len(images) or groups < MIN_GROUPS:
        ids = images["image_id"].to_numpy()
        warning = None
        if groups < len(images):
            warning = (
                f"drawn by image, as the data set has only {groups} group{'s' if groups > 1 else ''} (fewer than "
                f"{MIN_GROUPS}); images of one group are alike, so true intervals are wider and true p-values larger"
            )
        return Clustering("image", len(ids), pd.Series(np.arange(len(ids)), index=np.sort(ids)), warning)
    codes, names = pd.factorize(images["group"], sort=True)
    return Clustering("group", len(names), pd.Series(codes, index=images["image_id"].to_numpy()))
