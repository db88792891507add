"""Table of the stage `datasets`."""

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
