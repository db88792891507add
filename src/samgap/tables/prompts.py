"""Table of the stage `prompts`."""

import pyarrow as pa

from samgap.tables.columns import IMAGE_ID, PHRASE_TAGS, PROMPT_ID, STRING_MAP
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
        column("kind", pa.string(), "the kind of row, one of those that the modules of samgap.prompts declare"),
        column("phrase", pa.string(), "the text asked, if any", nullable=True),
        column("points", pa.list_(POINT_TYPE), "points; label 1 is on the object, 0 off it", "px", nullable=True),
        column(
            "boxes", pa.list_(BOX_TYPE), "boxes, corners inclusive-exclusive; label 1 positive", "px", nullable=True
        ),
        column("mask", pa.binary(), "a prior mask, of the image's size, as compressed COCO RLE", nullable=True),
        column("clicks", pa.int16(), "clicks that may be given in all, `points` included", nullable=True),
        column(
            "track",
            pa.int64(),
            "the object of a sequence that is followed; a row that shows nothing is answered by propagation",
            nullable=True,
        ),
        column(
            "truth_ids",
            pa.list_(pa.int64()),
            "instances that a right answer covers; empty: asked and absent; null: not evaluable",
            nullable=True,
        ),
        *PHRASE_TAGS,
        column("without", STRING_MAP, "the attributes that the phrase rules out, with their values", nullable=True),
        column("polarity", pa.string(), "positive, or negated where the words rule something out", nullable=True),
    ],
)
"""A row is one prompt given to a model about one image."""
