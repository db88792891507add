"""What the image predictors of SAM2 and of SAM3 take as prompts: the arguments of their functions `predict`."""

import inspect
from collections.abc import Iterator

from sam2.sam2_image_predictor import SAM2ImagePredictor
from sam3.model.sam1_task_predictor import SAM3InteractiveImagePredictor

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._signatures import list_arguments

SPATIAL = ("point_coords", "point_labels", "box", "mask_input")
EVIDENCE = "sam2/sam2_image_predictor.py: SAM2ImagePredictor.predict"
SAM3_EVIDENCE = "sam3/model/sam1_task_predictor.py: SAM3InteractiveImagePredictor.predict"


def measure() -> Iterator[Measurement]:
    """Yield the numbers of arguments by kind, and of those that differ between the packages."""
    ours = inspect.signature(SAM2ImagePredictor.predict).parameters
    theirs = inspect.signature(SAM3InteractiveImagePredictor.predict).parameters
    names = list_arguments(SAM2ImagePredictor.predict)
    text = [name for name in names if any(word in name for word in ("text", "phrase", "caption", "word", "concept"))]
    yield Measurement("text-arguments", len(text), "arguments", EVIDENCE, "sam2", ", ".join(names))
    spatial = [name for name in names if name in SPATIAL]
    yield Measurement("spatial-arguments", len(spatial), "arguments", EVIDENCE, "sam2", ", ".join(spatial))
    kept = [name for name in spatial if name in theirs]
    yield Measurement("spatial-arguments-of-sam3", len(kept), "arguments", SAM3_EVIDENCE, "sam3", ", ".join(kept))
    different = [name for name in {**ours, **theirs} if str(ours.get(name)) != str(theirs.get(name))]
    yield Measurement(
        "differences", len(different), "arguments", SAM3_EVIDENCE, "sam3", "name, type or default, compared with SAM2's"
    )
