"""Photographs as they come: checked to their last pixel, and turned upright where their camera only says so."""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image, ImageOps

from samgap.errors import UserError

IMAGE_READ_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow raises on a damaged file."""
HIGH_BIT_DEPTH_MODES = ("I", "F", "I;16", "I;16B", "I;16L")
"""Pillow's modes of more than 8 bits a channel, which no model here reads."""
EXIF_ORIENTATION_TAG = 0x0112
TRANSPOSED_ORIENTATIONS = (5, 6, 7, 8)


@dataclass(frozen=True)
class Photograph:
    """Encoded bytes, and the size in px of what they show. `turned`: were they written anew, upright?"""

    encoded_bytes: bytes
    width: int
    height: int
    was_reoriented: bool = False


def load_photograph(encoded_bytes: bytes, source_name: str, labelled_size: tuple[int, int] | None = None) -> Photograph:
    """The photograph that was labelled, from a PNG or JPEG file; `what` names it in a UserError.

    `labelled` is the (width, height) that its labels are made for. A file whose EXIF says that it is to be turned is
    turned, as labelling tools show it, and written anew without loss of size (JPEG at quality 95); unless
    `labelled` fits its stored pixels alone, then its bytes stay. Refused: a damaged file, more than 8 bits a channel,
    another size.
    """
    try:
        with Image.open(io.BytesIO(encoded_bytes)) as image:
            image.load()
            kind, mode, stored = image.format, image.mode, image.size
            orientation = image.getexif().get(EXIF_ORIENTATION_TAG, 1)
            upright = stored[::-1] if orientation in TRANSPOSED_ORIENTATIONS else stored
            turn = orientation in range(2, 9) and (labelled_size is None or labelled_size == upright)
            turned = ImageOps.exif_transpose(image) if turn else None
    except IMAGE_READ_ERRORS as error:
        raise UserError(f"{source_name}: unreadable image ({error})") from error
    if kind not in ("PNG", "JPEG"):
        raise UserError(f"{source_name}: a file of the format {kind}; save it as PNG or JPEG")
    if mode in HIGH_BIT_DEPTH_MODES:
        raise UserError(f"{source_name}: more than 8 bits a channel (mode {mode}); save it with 8")
    if labelled_size is not None and labelled_size not in (stored, upright):
        width, height = labelled_size
        raise UserError(f"{source_name}: {stored[0]}x{stored[1]} px, but its labels are for {width}x{height} px")
    if turned is None:
        return Photograph(encoded_bytes, *stored)
    stream = io.BytesIO()
    if kind == "JPEG":
        turned.save(stream, "JPEG", quality=95, subsampling=0)
    else:
        turned.save(stream, "PNG")
    return Photograph(stream.getvalue(), *turned.size, was_reoriented=True)
