"""What SAM2's automatic mask generator takes: its arguments besides the image, and its grid of points."""

import inspect
from collections.abc import Iterator

from sam2.automatic_mask_generator import SAM2AutomaticMaskGenerator
from sam2.utils.amg import build_all_layer_point_grids

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._signatures import list_arguments

EVIDENCE = "sam2/automatic_mask_generator.py: SAM2AutomaticMaskGenerator"


def measure() -> Iterator[Measurement]:
    """Yield the number of prompts that a user gives, and of the points that the package uses instead."""
    arguments = list_arguments(SAM2AutomaticMaskGenerator.generate)
    yield Measurement(
        "prompts-of-the-user",
        len(arguments) - 1,
        "prompts",
        f"{EVIDENCE}.generate",
        "sam2",
        f"generate({arguments[0]})",
    )
    side = inspect.signature(SAM2AutomaticMaskGenerator).parameters["points_per_side"].default
    (grid,) = build_all_layer_point_grids(side, 0, 1)
    yield Measurement("points", len(grid), "points", "sam2/utils/amg.py: build_all_layer_point_grids", "sam2")
