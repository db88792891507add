"""Table of the stage `datasets`, and the sequences of its images."""

import numpy as np
import pandas as pd
import pyarrow as pa

from samgap.tables.columns import IMAGE_ID, STRATA
from samgap.tables.parquet import Table, column

IMAGES = Table(
    "images",
    [
        IMAGE_ID,
        column("file", pa.string(), "file name below images/"),
        column("width", pa.int32(), "width", "px"),
        column("height", pa.int32(), "height", "px"),
        column("group", pa.string(), "source that images share: a video, a photograph, a scene"),
        STRATA,
        column("sequence", pa.string(), "video that the image is a frame of, if any", nullable=True),
        column("frame", pa.int32(), "index of the frame in its sequence, from 0", nullable=True),
    ],
)
"""A row is an image."""


def number_sequences(images: pd.DataFrame) -> np.ndarray:
    """Return the number of each image's sequence, int64 (N,), counted in the order of first appearance.

    An image that is not a frame of a sequence counts as a sequence of one.
    """
    if not len(images):
        return np.zeros(0, np.int64)
    single = pd.Series(range(len(images)), images.index, dtype=object)
    keys = images["sequence"].where(images["sequence"].notna(), single) if "sequence" in images else single
    return pd.factorize(keys)[0]
