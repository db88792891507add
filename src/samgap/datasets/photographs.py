"""Check photographs, and rotate them according to their EXIF orientation."""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image, ImageOps

from samgap.errors import UserError

IMAGE_READ_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""Exceptions that Pillow raises for a damaged file."""
HIGH_BIT_DEPTH_MODES = ("I", "F", "I;16", "I;16B", "I;16L")
"""Pillow's modes of more than 8 bits a channel, which the models do not support."""
EXIF_ORIENTATION_TAG = 0x0112
TRANSPOSED_ORIENTATIONS = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""


@dataclass(frozen=True)
class Photograph:
    """An encoded image in the orientation of its labels, with its size in px."""

    encoded_bytes: bytes
    width: int
    height: int


def load_photograph(encoded_bytes: bytes, source_name: str, labelled_size: tuple[int, int] | None = None) -> Photograph:
    """Check a PNG or JPEG file, and rotate it according to its EXIF orientation, as labelling tools display it.

    A rotated image is encoded again in full size (JPEG at quality 95). All other images keep their bytes, also
    if `labelled_size` fits only the stored orientation.

    Args:
        encoded_bytes: Content of the file.
        source_name: Name of the file for messages.
        labelled_size: Width and height in px that the labels refer to, if known.

    Raises:
        UserError: The file is damaged, not a PNG or JPEG, has more than 8 bits a channel, or another size.
    """
    try:
        with Image.open(io.BytesIO(encoded_bytes)) as image:
            image.load()
            file_format, mode, stored_size = image.format, image.mode, image.size
            orientation = image.getexif().get(EXIF_ORIENTATION_TAG, 1)
            upright_size = stored_size[::-1] if orientation in TRANSPOSED_ORIENTATIONS else stored_size
            needs_rotation = orientation in range(2, 9) and (labelled_size is None or labelled_size == upright_size)
            rotated = ImageOps.exif_transpose(image) if needs_rotation else None
    except IMAGE_READ_ERRORS as error:
        raise UserError(f"{source_name}: unreadable image ({error})") from error
    if file_format not in ("PNG", "JPEG"):
        raise UserError(f"{source_name}: the format is {file_format}; save it as PNG or JPEG")
    if mode in HIGH_BIT_DEPTH_MODES:
        raise UserError(f"{source_name}: more than 8 bits a channel (mode {mode}); save it with 8")
    if labelled_size is not None and labelled_size not in (stored_size, upright_size):
        width, height = labelled_size
        raise UserError(
            f"{source_name}: {stored_size[0]}x{stored_size[1]} px, but its labels are for {width}x{height} px"
        )
    if rotated is None:
        return Photograph(encoded_bytes, *stored_size)
    stream = io.BytesIO()
    if file_format == "JPEG":
        rotated.save(stream, "JPEG", quality=95, subsampling=0)
    else:
        rotated.save(stream, "PNG")
    return Photograph(stream.getvalue(), *rotated.size)
