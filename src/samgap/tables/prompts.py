"""Table of the stage `prompts`."""

import pyarrow as pa

from samgap.tables.columns import IMAGE_ID, LOST_LABELS, PHRASE_TAGS, PROMPT_ID, STRING_MAP
from samgap.tables.parquet import Table, column

POINT_TYPE = pa.struct([("x", pa.float32()), ("y", pa.float32()), ("label", pa.int8())])
BOX_TYPE = pa.struct(
    [("x0", pa.float32()), ("y0", pa.float32()), ("x1", pa.float32()), ("y1", pa.float32()), ("label", pa.int8())]
)

PROMPTS = Table(
    "prompts",
    [
        PROMPT_ID,
        IMAGE_ID,
        column("kind", pa.string(), "kind of the row, as a module of samgap.prompts declares it"),
        column("phrase", pa.string(), "text of the prompt, if any", nullable=True),
        column("points", pa.list_(POINT_TYPE), "points; label 1 lies on the object, 0 off it", "px", nullable=True),
        column(
            "boxes", pa.list_(BOX_TYPE), "boxes, ends exclusive; label 1 is positive, 0 negative", "px", nullable=True
        ),
        column("mask", pa.binary(), "mask prompt, of the size of the image, as compressed COCO RLE", nullable=True),
        column("clicks", pa.int16(), "maximum number of clicks, `points` included", nullable=True),
        column(
            "track",
            pa.int64(),
            "tracked object of a sequence; rows without a spatial prompt are predicted by propagation",
            nullable=True,
        ),
        column(
            "truth_ids",
            pa.list_(pa.int64()),
            "instances that a right prediction covers; empty: absent from the image; null: not evaluable",
            nullable=True,
        ),
        LOST_LABELS,
        *PHRASE_TAGS,
        column("without", STRING_MAP, "attributes that the phrase excludes, with their values", nullable=True),
    ],
)
"""A row is one prompt of one image."""
