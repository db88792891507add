"""Kind `phrases`: every phrase of the list asked of every image.

Where nothing in the image answers to it the phrase is a negative; where the labels cannot say, it is not evaluable;
things that are present but never labelled are of kind `other`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.language import make_phrase_rows
from samgap.prompts.seed import Seed


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    return make_phrase_rows(truth, options["phrases"])
