"""Kind `exemplar`: boxes of examples from the same image, with the noun phrase or (`text: false`) in its place.

Of each image that holds something that the phrase covers, `positives` of these instances, or all if they are fewer, are
shown by their boxes (label 1), and `negatives` labelled instances that it does not cover (label 0), as far as there are
any. Which ones is drawn by chance; of three examples the first is that of a set of one. A right answer covers every
instance of the phrase, the examples too, and nothing is asked where there is none: so sam3 itself makes such questions
of phrases (`sam3.train.transforms.filter_query_transforms.TextQueryToVisual`). So these sets hold no negative prompts.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.phrases import truth_ids
from samgap.prompts._language import tags
from samgap.prompts._seed import Seed
from samgap.truth import Instance, Truth

VISUAL = "visual"
"""What SAM3 is asked where boxes stand in place of a phrase."""


def prompts(truth: Truth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    for image_id in sorted(truth.images):
        name = truth.images[image_id]["file_name"]
        there = [item for item in truth.of(image_id) if not item.ignore]
        for phrase in options["phrases"]:
            wanted = truth_ids(phrase, image_id, truth)
            if not wanted:
                continue
            order = seed.of(name, phrase["phrase"], "exemplar").permutation(len(there))
            shown = [there[at] for at in order]
            right = [item for item in shown if item.id in wanted][: options.get("positives", 1)]
            wrong = [item for item in shown if item.id not in wanted][: options.get("negatives", 0)]
            yield {
                "image_id": image_id,
                "kind": "phrase",
                "phrase": phrase["phrase"] if options.get("text", True) else VISUAL,
                "boxes": [_box(item, 1) for item in right] + [_box(item, 0) for item in wrong],
                "truth_ids": wanted,
                **tags(phrase),
            }


def _box(item: Instance, label: int) -> dict[str, Any]:
    x0, y0, x1, y1 = item.box
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1, "label": label}
