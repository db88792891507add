"""Kind `phrases`: every phrase of the list asked of every image.

Where nothing in the image answers to it the phrase is a negative; where the labels cannot say, it is not evaluable;
things that are present but never labelled are of kind `other`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.prompts._language import rows
from samgap.prompts._seed import Seed
from samgap.truth import Truth


def prompts(truth: Truth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    return rows(truth, options["phrases"])
