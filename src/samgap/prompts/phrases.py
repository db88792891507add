"""Kind `phrases`: every phrase of the list asked of every image.

Where nothing in the image answers to it the phrase is a negative; where the labels cannot say, it is not evaluable;
things that are present but never labelled are of kind `other`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.phrases import truth_ids
from samgap.truth import Truth


def prompts(truth: Truth, options: Mapping[str, Any], seed: int) -> Iterator[dict[str, Any]]:
    for image_id in sorted(truth.images):
        for phrase in options["phrases"]:
            yield {
                "image_id": image_id,
                "kind": "other" if phrase.get("other") else "phrase",
                "phrase": phrase["phrase"],
                "truth_ids": truth_ids(phrase, image_id, truth),
            }
