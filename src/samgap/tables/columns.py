"""Columns that several tables share."""

import pyarrow as pa

from samgap.tables.parquet import column

STRING_MAP = pa.map_(pa.string(), pa.string())
SHARE_MAP = pa.map_(pa.string(), pa.float64())

PROMPT_ID = column("prompt_id", pa.string(), "the prompt, unique in its data set and prompt set")
IMAGE_ID = column("image_id", pa.int64(), "the image, as in images.parquet")
LOST_LABELS = column(
    "lost_labels",
    pa.bool_(),
    "for a phrase: whether labels that it depends on could not be used in the image; it is then not evaluable",
    nullable=True,
)
STRATA = column("strata", STRING_MAP, "strata of the image, as lighting: dusk", nullable=True)
PHRASE_TAGS = [
    column("nouns", pa.list_(pa.string()), "nouns of the phrase's candidate instances", nullable=True),
    column("attributes", STRING_MAP, "attributes named by the phrase, with their values", nullable=True),
    column("seen", pa.bool_(), "whether trainings may use the phrase", nullable=True),
    column("concept", pa.string(), "concept that the phrase paraphrases", nullable=True),
    column("level", pa.string(), "level of an instruction: concept, simple or complex", nullable=True),
    column("polarity", pa.string(), "positive, or negated if the phrase excludes something", nullable=True),
]
"""Properties of a phrase."""
