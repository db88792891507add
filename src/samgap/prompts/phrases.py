"""Kind `phrases`: every phrase of a list, on every image.

A phrase without an instance in the image is a negative prompt. A phrase that the labels cannot decide is not evaluable.
Things that are present but never labelled get rows of kind `other`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.language import make_phrase_rows
from samgap.prompts.seed import Seed

ROW_KINDS = ("phrase", "other")
SPATIAL = False
INPUTS = ("phrase",)
UNLABELLED = ("other",)
TRAINABLE = True
SEED_OPTIONS: dict[str, Any] = {}
OPTIONS = {
    "required": ["phrases"],
    "properties": {"phrases": {"$ref": "#/$defs/phrases"}},
}


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield one row for each image and phrase."""
    return make_phrase_rows(truth, options["phrases"])
