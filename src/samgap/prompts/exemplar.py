"""Kind `exemplar`: boxes of examples from the same image, with the noun phrase or (`text: false`) in its place.

Of each image that holds something that the phrase covers, `positives` of these instances, or all if they are fewer, are
shown by their boxes (label 1), and `negatives` labelled instances that it does not cover (label 0), as far as there are
any. Which ones is drawn by chance; of three examples the first is that of a set of one. A right answer covers every
instance of the phrase, the examples too, and nothing is asked where there is none: so sam3 itself makes such questions
of phrases (`sam3.train.transforms.filter_query_transforms.TextQueryToVisual`). So these sets hold no negative prompts.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.annotations.phrases import find_truth_ids
from samgap.prompts.language import select_phrase_columns
from samgap.prompts.seed import Seed

VISUAL_PHRASE = "visual"
"""What SAM3 is asked where boxes stand in place of a phrase."""


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    for image_id in sorted(truth.images):
        name = truth.images[image_id]["file_name"]
        there = [item for item in truth.instances_of(image_id) if not item.ignore]
        for phrase in options["phrases"]:
            wanted = find_truth_ids(phrase, image_id, truth)
            if not wanted:
                continue
            order = seed.make_rng(name, phrase["phrase"], "exemplar").permutation(len(there))
            shown = [there[at] for at in order]
            right = [item for item in shown if item.id in wanted][: options.get("positives", 1)]
            wrong = [item for item in shown if item.id not in wanted][: options.get("negatives", 0)]
            yield {
                "image_id": image_id,
                "kind": "phrase",
                "phrase": phrase["phrase"] if options.get("text", True) else VISUAL_PHRASE,
                "boxes": [_make_box(item, 1) for item in right] + [_make_box(item, 0) for item in wrong],
                "truth_ids": wanted,
                **select_phrase_columns(phrase),
            }


def _make_box(item: Instance, label: int) -> dict[str, Any]:
    x0, y0, x1, y1 = item.box
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1, "label": label}
