"""Read the optical flow from a frame to the next one, for data sets with flow files."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from samgap.errors import UserError

ZERO_MOTION_VALUE = 128
"""Value of the red and green channels of a flow file that means no motion."""


@dataclass(frozen=True)
class OpticalFlow:
    """Pixels of a frame that are visible in the next frame; each pixel at most once.

    Attributes:
        source_pixels: Row-major index of the pixel in the frame, int64, (N,).
        target_pixels: Row-major index of the same point in the next frame, int64, (N,).
    """

    source_pixels: np.ndarray
    target_pixels: np.ndarray


FlowReader = Callable[[Any], OpticalFlow | None]
"""Row of table `images` -> flow from that frame to the next one; None if there is none."""


def read_no_flow(image_row: Any) -> None:
    """Return None: the `FlowReader` of data sets without flow."""


def read_flow(folder: Path, image_row: Any) -> OpticalFlow | None:
    """Read the flow of a frame from `flow/<frame>.png` in the folder of its image; None if there is no such file.

    Red and green are the motion to the right and down in px, plus 128. Blue is above 0 if the pixel is visible in the
    next frame (docs/reference/orchard-sim.md).

    Args:
        folder: Folder of the images of the data set.
        image_row: Row of table `images`.

    Raises:
        UserError: The file is not readable, or has another size than its frame.
    """
    path = Path(folder, image_row.file).parent / "flow" / f"{int(image_row.frame):05d}.png"
    if not path.exists():
        return None
    try:
        with Image.open(path) as image:
            channels = np.asarray(image.convert("RGB"), np.int64)
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(f"{path}: not a readable flow ({error}); make the data set again") from error
    if channels.shape[:2] != (image_row.height, image_row.width):
        size = f"{channels.shape[1]}×{channels.shape[0]} px, its frame {image_row.width}×{image_row.height}"
        raise UserError(f"{path}: {size}; make the data set again")
    rows, columns = np.nonzero(channels[..., 2])
    down, right = (channels[rows, columns, channel] - ZERO_MOTION_VALUE for channel in (1, 0))
    is_inside = (
        (rows + down >= 0)
        & (rows + down < image_row.height)
        & (columns + right >= 0)
        & (columns + right < image_row.width)
    )
    source_pixels = rows * image_row.width + columns
    target_pixels = source_pixels + down * image_row.width + right
    return OpticalFlow(source_pixels[is_inside], target_pixels[is_inside])
