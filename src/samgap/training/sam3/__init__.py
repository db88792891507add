"""Training of the model family `sam3`."""

from typing import Any

OPTIONS = {
    "properties": {
        "prompts": {
            "description": "The training phrases, an id of `prompts` of a kind that declares TRAINABLE, as phrases.",
            "$ref": "#/$defs/id",
        },
        "negatives": {
            "description": (
                "Maximum number of negative phrases (their referent is absent) for an image of a step, or all of them. "
                "Images of a data set with `exhaustive: false` have none."
            ),
            "type": ["integer", "string"],
            "minimum": 0,
            "pattern": "^all$",
        },
        "negatives-per-positive": {
            "description": "Maximum number of negative phrases for each positive one of an image; default is no limit.",
            "type": "number",
            "exclusiveMinimum": 0,
        },
        "hard-negatives": {
            "description": (
                "Share of the negative phrases that name something in the image with an attribute that nothing there "
                "has, as far as there are such; a fraction. Default is any absent phrase."
            ),
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0,
        },
        "positives": {
            "description": "Maximum number of positive phrases for an image of a step; default is all.",
            "type": "integer",
            "minimum": 1,
        },
        "validation-phrases": {
            "description": "Maximum number of phrases that are validated; default is all.",
            "type": "integer",
            "minimum": 1,
        },
        "exemplars": {
            "description": "Share of the queries with exemplar boxes, a fraction.",
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0,
        },
        "method": {
            "description": (
                "A file of src/samgap/demo_models/ with another objective, made for a small model from scratch. "
                "sam3-dense trains, before detection, what every location of the image shows (and with the loss weight "
                "loss_match which phrases refer to it); sam3-match adds loss_match to detection; sam3-interactive "
                "trains the interactive head alone, with SAM2's losses. Default is detection alone, as for a "
                "fine-tuning."
            ),
            "$ref": "#/$defs/id",
        },
        "dense": {
            "description": "Replaced by `method`.",
            "not": {"description": "is now the key method; write `method: sam3-dense`"},
        },
        "precision": {
            "description": (
                "Precision of matrix products and convolutions in training. bf16 is faster; bf16-trunk uses it in the "
                "image trunk and the mask head alone, since in the other parts of a small model conversions cost more "
                "time than they save."
            ),
            "enum": ["fp32", "bf16", "bf16-trunk"],
            "default": "fp32",
        },
        "loss-weights": {
            "description": (
                "Weights of loss terms by the package's names, of all terms of the one-to-many queries (one_to_many), "
                "and, with a method, of whether each location shows what a phrase refers to (loss_match); default is "
                "the package's published fine-tuning configuration, without loss_match."
            ),
            "type": "object",
            "propertyNames": {
                "enum": [
                    "one_to_many",
                    "loss_bbox",
                    "loss_giou",
                    "loss_ce",
                    "presence_loss",
                    "loss_mask",
                    "loss_dice",
                    "loss_semantic_seg",
                    "loss_semantic_presence",
                    "loss_semantic_dice",
                    "loss_match",
                ],
            },
            "additionalProperties": {"type": "number", "minimum": 0},
        },
    },
    "allOf": [
        {
            "if": {"not": {"required": ["method"], "properties": {"method": {"const": "sam3-interactive"}}}},
            "then": {"required": ["prompts", "negatives"]},
        },
        {
            "if": {"not": {"required": ["method"]}},
            "then": {
                "properties": {
                    "loss-weights": {
                        "description": "Without a method there is no loss_match.",
                        "not": {
                            "description": (
                                "has loss_match, which goes with `method: sam3-dense` or `method: sam3-match`; add the "
                                "method or remove loss_match"
                            ),
                            "required": ["loss_match"],
                        },
                    },
                },
            },
        },
        {
            "if": {
                "required": ["method"],
                "properties": {"method": {"const": "sam3-match"}},
            },
            "then": {
                "required": ["loss-weights"],
                "properties": {"loss-weights": {"required": ["loss_match"]}},
            },
        },
    ],
}


def open_task(**arguments: Any) -> Any:
    """Return the family's training task for `samgap.training.loop`; the arguments are those of `task.open_task`."""
    from samgap.training.sam3 import task

    return task.open_task(**arguments)
