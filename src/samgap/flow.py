"""Optical flow from one frame to the next, where a data set has it: which pixel shows what a pixel showed before."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from samgap.errors import UserError

ZERO = 128
"""What stands for no motion in a file's red and green."""


@dataclass(frozen=True)
class Flow:
    """Places (row by row, int64 (N,)) in a frame, and where the next one shows the same; each place at most once."""

    now: np.ndarray
    then: np.ndarray


Reader = Callable[[Any], Flow | None]
"""From a row of table `images` to the flow from that frame to the next; None where there is none."""


def none(image: Any) -> None:
    """The reader of a data set without flow."""


def read(folder: Path, image: Any) -> Flow | None:
    """The flow of a frame (a row of table `images`) whose file lies in `folder`: flow/<frame>.png beside it.

    Red and green are the motion to the right and down in px, plus 128; blue is above 0 where the pixel is still seen in
    the next frame (docs/reference/orchard-sim.md). A file of another size, or none that can be read, raises UserError.
    """
    file = Path(folder, image.file).parent / "flow" / f"{int(image.frame):05d}.png"
    if not file.exists():
        return None
    try:
        with Image.open(file) as picture:
            coded = np.asarray(picture.convert("RGB"), np.int64)
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"{file}: not a readable flow ({error}); make the data set again") from error
    if coded.shape[:2] != (image.height, image.width):
        size = f"{coded.shape[1]}×{coded.shape[0]} px, its frame {image.width}×{image.height}"
        raise UserError(f"{file}: {size}; make the data set again")
    rows, columns = np.nonzero(coded[..., 2])
    down, right = (coded[rows, columns, channel] - ZERO for channel in (1, 0))
    inside = (
        (rows + down >= 0) & (rows + down < image.height) & (columns + right >= 0) & (columns + right < image.width)
    )
    places = rows * image.width + columns
    return Flow(places[inside], (places + down * image.width + right)[inside])
