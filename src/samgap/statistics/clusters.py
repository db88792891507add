"""What is drawn as one: the images of a data set, or groups of them (a video, a source photo)."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap.errors import UserError

FEWEST = 10
"""With fewer groups than these an interval over groups would itself be a guess."""


@dataclass(frozen=True)
class Clusters:
    """`numbers` gives each image id its cluster, 0 … `count` − 1, the same for all cells of a data set."""

    kind: str
    """`image` or `group`."""
    count: int
    numbers: pd.Series
    warning: str | None = None

    def of(self, image_ids: pd.Series | np.ndarray) -> np.ndarray:
        """The cluster of each image, int64 (N,); an image that the data set lacks raises UserError."""
        found = pd.Series(np.asarray(image_ids)).map(self.numbers)
        if found.isna().any():
            image = np.asarray(image_ids)[found.isna().to_numpy()][0]
            raise UserError(f"pairs.parquet: image {image} is not in its data set's images.parquet; measure again")
        return found.to_numpy(np.int64)


def clusters(images: pd.DataFrame) -> Clusters:
    """The clusters of a data set from its table `images`: its groups, or single images below `FEWEST` groups."""
    groups = images["group"].nunique()
    if groups == len(images) or groups < FEWEST:
        ids = images["image_id"].to_numpy()
        warning = None
        if groups < len(images):
            warning = (
                f"drawn by image, as the data set has only {groups} group{'s' if groups > 1 else ''} (fewer than "
                f"{FEWEST}); images of one group are alike, so true intervals are wider and true p-values larger"
            )
        return Clusters("image", len(ids), pd.Series(np.arange(len(ids)), index=np.sort(ids)), warning)
    codes, names = pd.factorize(images["group"], sort=True)
    return Clusters("group", len(names), pd.Series(codes, index=images["image_id"].to_numpy()))
