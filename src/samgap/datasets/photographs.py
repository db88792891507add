"""Photographs as they come: checked to their last pixel, and turned upright where their camera only says so."""

import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image, ImageOps

from samgap.errors import UserError

UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow raises on a damaged file."""
DEEP = ("I", "F", "I;16", "I;16B", "I;16L")
"""Pillow's modes of more than 8 bits a channel, which no model here reads."""
ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True)
class Photograph:
    """Encoded bytes, and the size in px of what they show. `turned`: were they written anew, upright?"""

    data: bytes
    width: int
    height: int
    turned: bool = False


def photograph(data: bytes, what: str, labelled: tuple[int, int] | None = None) -> Photograph:
    """The photograph that was labelled, from a PNG or JPEG file; `what` names it in a UserError.

    `labelled` is the (width, height) that its labels are made for. A file whose EXIF says that it is to be turned is
    turned, as labelling tools show it, and written anew without loss of size (JPEG at quality 95); unless
    `labelled` fits its stored pixels alone, then its bytes stay. Refused: a damaged file, more than 8 bits a channel,
    another size.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            kind, mode, stored = image.format, image.mode, image.size
            orientation = image.getexif().get(ORIENTATION, 1)
            upright = stored[::-1] if orientation in SIDEWAYS else stored
            turn = orientation in range(2, 9) and (labelled is None or labelled == upright)
            turned = ImageOps.exif_transpose(image) if turn else None
    except UNREADABLE as error:
        raise UserError(f"{what}: unreadable image ({error})") from error
    if kind not in ("PNG", "JPEG"):
        raise UserError(f"{what}: a file of the format {kind}; save it as PNG or JPEG")
    if mode in DEEP:
        raise UserError(f"{what}: more than 8 bits a channel (mode {mode}); save it with 8")
    if labelled is not None and labelled not in (stored, upright):
        raise UserError(f"{what}: {stored[0]}x{stored[1]} px, but its labels are for {labelled[0]}x{labelled[1]} px")
    if turned is None:
        return Photograph(data, *stored)
    stream = io.BytesIO()
    if kind == "JPEG":
        turned.save(stream, "JPEG", quality=95, subsampling=0)
    else:
        turned.save(stream, "PNG")
    return Photograph(stream.getvalue(), *turned.size, turned=True)
