"""Optical flow from one frame to the next, where a data set has it: which pixel shows what a pixel showed before."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from samgap.errors import UserError

ZERO_MOTION_VALUE = 128
"""What stands for no motion in a file's red and green."""


@dataclass(frozen=True)
class OpticalFlow:
    """Places (row by row, int64 (N,)) in a frame, and where the next one shows the same; each place at most once."""

    source_pixels: np.ndarray
    target_pixels: np.ndarray


FlowReader = Callable[[Any], OpticalFlow | None]
"""From a row of table `images` to the flow from that frame to the next; None where there is none."""


def read_no_flow(image_row: Any) -> None:
    """The reader of a data set without flow."""


def read_flow(folder: Path, image_row: Any) -> OpticalFlow | None:
    """The flow of a frame (a row of table `images`) whose file lies in `folder`: flow/<frame>.png beside it.

    Red and green are the motion to the right and down in px, plus 128; blue is above 0 where the pixel is still seen in
    the next frame (docs/reference/orchard-sim.md). A file of another size, or none that can be read, raises UserError.
    """
    file = Path(folder, image_row.file).parent / "flow" / f"{int(image_row.frame):05d}.png"
    if not file.exists():
        return None
    try:
        with Image.open(file) as picture:
            coded = np.asarray(picture.convert("RGB"), np.int64)
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"{file}: not a readable flow ({error}); make the data set again") from error
    if coded.shape[:2] != (image_row.height, image_row.width):
        size = f"{coded.shape[1]}×{coded.shape[0]} px, its frame {image_row.width}×{image_row.height}"
        raise UserError(f"{file}: {size}; make the data set again")
    rows, columns = np.nonzero(coded[..., 2])
    down, right = (coded[rows, columns, channel] - ZERO_MOTION_VALUE for channel in (1, 0))
    inside = (
        (rows + down >= 0)
        & (rows + down < image_row.height)
        & (columns + right >= 0)
        & (columns + right < image_row.width)
    )
    places = rows * image_row.width + columns
    return OpticalFlow(places[inside], (places + down * image_row.width + right)[inside])
