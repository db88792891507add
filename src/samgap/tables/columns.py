"""Columns that several tables share."""

import pyarrow as pa

from samgap.tables.parquet import column

STRING_MAP = pa.map_(pa.string(), pa.string())
COUNT_MAP = pa.map_(pa.string(), pa.int32())

PROMPT_ID = column("prompt_id", pa.string(), "the prompt, unique in its data set and prompt set")
IMAGE_ID = column("image_id", pa.int64(), "the image, as in images.parquet")
STRATA = column("strata", STRING_MAP, "parts of the data set that the image is of, as lighting: dusk", nullable=True)
PHRASE_TAGS = [
    column("nouns", pa.list_(pa.string()), "the nouns whose instances the phrase may cover", nullable=True),
    column("attributes", STRING_MAP, "the attributes that the phrase asks for, with their values", nullable=True),
    column("seen", pa.bool_(), "may a training ask the phrase", nullable=True),
    column("concept", pa.string(), "what the phrase is one of several paraphrases of", nullable=True),
    column("level", pa.string(), "of an instruction: concept, simple or complex", nullable=True),
]
"""What a phrase asks for."""
