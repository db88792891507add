"""Kind `exemplar`: boxes of example instances of the same image, with the noun phrase or (`text: false`) without it.

For each image with an instance of the phrase, a row has the boxes of `positives` of these instances (label 1; all of
them if there are fewer) and of `negatives` other labelled instances (label 0; as many as there are). The examples are
sampled at random; a larger set starts with the examples of a smaller one. A correct prediction covers every instance of
the phrase, including the examples. Images without an instance of the phrase get no row, as in SAM3's own conversion of
phrases to visual queries (`sam3.train.transforms.filter_query_transforms.TextQueryToVisual`). These sets therefore
contain no negative prompts. Images that lost labels of the phrase get no row either, and are counted in a warning.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.annotations.phrases import find_truth_ids, has_lost_labels
from samgap.prompts.language import select_phrase_columns
from samgap.prompts.seed import Seed

logger = logging.getLogger("samgap")

ROW_KINDS = ("phrase",)
SPATIAL = False
INPUTS = ("phrase", "boxes")
OPTIONS = {
    "required": ["phrases"],
    "properties": {
        "phrases": {"$ref": "#/$defs/phrases"},
        "text": {
            "description": "Whether the phrase is part of the prompt; if not, only the exemplar boxes are.",
            "type": "boolean",
            "default": True,
        },
        "positives": {
            "description": "Number of positive exemplar boxes; all instances, if an image has fewer.",
            "type": "integer",
            "minimum": 1,
            "default": 1,
        },
        "negatives": {
            "description": "Number of negative exemplar boxes; fewer, if an image has fewer other instances.",
            "type": "integer",
            "minimum": 0,
            "default": 0,
        },
    },
}

VISUAL_PHRASE = "visual"
"""The text with which SAM3 is prompted if boxes replace the phrase."""


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield one row for each image and phrase with at least one instance."""
    n_lost = 0
    for image_id in sorted(truth.images):
        file_name = truth.images[image_id]["file_name"]
        labelled = [instance for instance in truth.instances_of(image_id) if not instance.ignore]
        for phrase in options["phrases"]:
            truth_ids = find_truth_ids(phrase, image_id, truth)
            if not truth_ids:
                n_lost += truth_ids is None and has_lost_labels(phrase, image_id, truth)
                continue
            order = seed.make_rng(file_name, phrase["phrase"], "exemplar").permutation(len(labelled))
            shuffled = [labelled[index] for index in order]
            positives = [instance for instance in shuffled if instance.id in truth_ids][: options.get("positives", 1)]
            negatives = [instance for instance in shuffled if instance.id not in truth_ids]
            negatives = negatives[: options.get("negatives", 0)]
            yield {
                "image_id": image_id,
                "kind": "phrase",
                "phrase": phrase["phrase"] if options.get("text", True) else VISUAL_PHRASE,
                "boxes": [_make_box(instance, 1) for instance in positives]
                + [_make_box(instance, 0) for instance in negatives],
                "truth_ids": truth_ids,
                **select_phrase_columns(phrase),
            }
    if n_lost:
        logger.warning("warning: %d images × phrases get no exemplars, because labels of them were lost", n_lost)


def _make_box(instance: Instance, label: int) -> dict[str, Any]:
    x0, y0, x1, y1 = instance.box
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1, "label": label}
