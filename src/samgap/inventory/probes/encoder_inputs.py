"""Whether memory or a prompt enters the image encoders: their arguments, and the step that adds memory after them."""

from collections.abc import Iterator

from sam2.modeling.backbones.image_encoder import ImageEncoder
from sam2.modeling.sam2_base import SAM2Base
from sam3.model.necks import Sam3DualViTDetNeck
from sam3.model.sam3_tracker_base import Sam3TrackerBase

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._signatures import list_arguments

ENCODERS = {
    "sam2": (ImageEncoder, SAM2Base, "sam2/modeling/backbones/image_encoder.py", "sam2/modeling/sam2_base.py"),
    "sam3": (Sam3DualViTDetNeck, Sam3TrackerBase, "sam3/model/necks.py", "sam3/model/sam3_tracker_base.py"),
}
MEMORY_STEP = "_prepare_memory_conditioned_features"


def measure() -> Iterator[Measurement]:
    """Yield the inputs besides the pixels, and the methods that add memory to encoded features, by package."""
    for package, (encoder, base, encoder_file, base_file) in ENCODERS.items():
        names = list_arguments(encoder.forward)
        yield Measurement(
            f"{package}-inputs-besides-pixels",
            len(names) - 1,
            "inputs",
            f"{encoder_file}: {encoder.__name__}.forward",
            package,
            ", ".join(names),
        )
        takes_features = hasattr(base, MEMORY_STEP) and "current_vision_feats" in list_arguments(
            getattr(base, MEMORY_STEP)
        )
        yield Measurement(
            f"{package}-memory-after-encoder",
            int(takes_features),
            "methods",
            f"{base_file}: {base.__name__}.{MEMORY_STEP}",
            package,
            "it takes features that are already encoded",
        )
