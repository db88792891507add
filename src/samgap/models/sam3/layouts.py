"""How the keys of weights files differ from those of the image model."""

from collections.abc import Mapping
from typing import Any

from samgap.models.runtime.weights_layout import SAME_KEYS, KeyLayout

SMALL_LAYOUTS: tuple[KeyLayout, ...] = (SAME_KEYS,)
PUBLISHED_LAYOUTS: tuple[KeyLayout, ...] = (
    # The tracker's weights are those of the interactive head; those of its neck are unused.
    KeyLayout({"": "detector.", "inst_interactive_predictor.model.": "tracker."}, "the published file"),
    KeyLayout(name="the image model, which lack the published prefix `detector.`"),
)

SPARE_KEYS = ("inst_interactive_predictor.", "tracker.", "backbone.vision_backbone.sam2_convs.")
"""What the keys start with that a file may have beside those of the detector: the interactive head or tracker, and its
neck of the image encoder."""


def get_key_layouts(options: Mapping[str, Any]) -> tuple[KeyLayout, ...]:
    """Return the layouts of the files of a model; the first is the one in which they are written.

    The published file is `{"model": {"detector.*", "tracker.*"}}`; the file of a small model, and that of other
    trainings of the image model (facebookresearch/sam3 #606), have the keys of the model.

    Args:
        options: the entry of `models`; `architecture` makes it a small model.
    """
    return SMALL_LAYOUTS if options.get("architecture") else PUBLISHED_LAYOUTS
