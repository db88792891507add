"""Check photographs, and rotate them according to their EXIF orientation."""

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace

from PIL import Image, UnidentifiedImageError

from samgap.datasets.exif_orientation import ROTATIONS, TRANSPOSED, Size, read_orientation
from samgap.datasets.jpeg_frames import extract_first_frame
from samgap.errors import UserError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
FORMATS = {
    PNG_SIGNATURE: "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",  # also raw files of many cameras
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"\xff\x0a": "JPEG XL",
    b"8BPS": "PSD",
    b"%PDF": "PDF",
    b"<!DOCTYPE": "HTML, the text of a web page",
    b"<html": "HTML, the text of a web page",
    b"version https://git-lfs": "Git LFS, a reference to the file, which `git lfs pull` downloads",
}
"""First bytes of a file -> its format."""
BRANDED_FORMATS = {
    b"WEBP": "WebP",
    b"avif": "AVIF",
    b"avis": "AVIF",
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"mif1": "HEIC",
    b"msf1": "HEIC",
    b"crx ": "CR3",
}
"""Bytes 8 to 11 of a RIFF or ISO base media file -> its format."""
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
"""Suffixes, in lower case, of image files that are read."""
OTHER_IMAGE_SUFFIXES = frozenset(
    {
        *(".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jxl", ".psd", ".tif", ".tiff", ".webp"),
        *(".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".rw2"),
    }
)
"""Suffixes, in lower case, of image files that are not read; messages name such a file."""
HIGH_BIT_DEPTH_MODES = ("I", "F", "I;16", "I;16B", "I;16L")
"""Pillow's modes of more than 8 bits a channel, which the models do not support."""
PNG_BIT_DEPTH_OFFSET = 24
"""Position of the bits per channel in a PNG. Source: PNG (third edition), sections 5.2, 5.3 and 11.2.1."""


@dataclass(frozen=True)
class Photograph:
    """An encoded image in the orientation of its labels.

    Attributes:
        encoded_bytes: Content of a PNG or JPEG file with one picture.
        width: Width in px.
        height: Height in px.
        stored_size: Size before a rotation.
        orientation: EXIF orientation of the stored image, 1 to 8; None if it is invalid.
        is_rotated: Whether it was rotated or mirrored to that orientation.
    """

    encoded_bytes: bytes
    width: int
    height: int
    stored_size: Size
    orientation: int | None
    is_rotated: bool = False

    @property
    def upright_size(self) -> Size:
        """Size in the EXIF orientation."""
        return self.stored_size[::-1] if self.orientation in TRANSPOSED else self.stored_size


def load_photograph(
    encoded_bytes: bytes, source_name: str, labelled_size: Size | None = None, orientation: str | None = None
) -> Photograph:
    """Check a PNG or JPEG file, and rotate it according to its EXIF orientation, as labelling tools display it.

    A rotated image is encoded again in full size (JPEG at quality 95). Of a JPEG with several pictures
    (Multi-Picture Format), the first one is extracted. All other images keep their bytes.

    Args:
        encoded_bytes: Content of the file.
        source_name: Name of the file for messages.
        labelled_size: Size that the labels refer to, if known.
        orientation: `shown` to rotate the image, also if `labelled_size` is the stored size; `stored` not to rotate
            it. By default it is rotated except if `labelled_size` is only the stored size.

    Raises:
        UserError: The file is damaged, not a PNG or JPEG, has more than 8 bits a channel, or another size.
    """
    file_format = _identify_format(encoded_bytes, source_name)
    with decoding_errors(source_name):
        if file_format == "JPEG":
            encoded_bytes = extract_first_frame(encoded_bytes)
        image = Image.open(io.BytesIO(encoded_bytes), formats=(file_format,))
        image.load()
    if image.mode in HIGH_BIT_DEPTH_MODES or _has_16_bits(encoded_bytes):
        raise UserError(f"{source_name}: more than 8 bits a channel (mode {image.mode}); save it with 8")
    photo = Photograph(encoded_bytes, *image.size, image.size, read_orientation(image))
    accepted_sizes = {photo.stored_size} if orientation == "stored" else {photo.stored_size, photo.upright_size}
    if labelled_size is not None and labelled_size not in accepted_sizes:
        width, height = labelled_size
        raise UserError(f"{source_name}: {photo.width}x{photo.height} px, but its labels are for {width}x{height} px")
    fits_upright = labelled_size is None or labelled_size == photo.upright_size
    with decoding_errors(source_name):
        if image.mode != "RGB":
            image.convert("RGB")  # as the models need it; raises an exception if the palette is invalid
        if photo.orientation in ROTATIONS and (orientation == "shown" or (orientation is None and fits_upright)):
            rotated = image.transpose(ROTATIONS[photo.orientation])
            encoded_bytes = _encode(rotated, file_format)
            return replace(
                photo, encoded_bytes=encoded_bytes, width=rotated.width, height=rotated.height, is_rotated=True
            )
        if image.format == "MPO":  # the first picture was not extracted, because the structure of the file is invalid
            return replace(photo, encoded_bytes=_encode(image, file_format))
    return photo


def _identify_format(encoded_bytes: bytes, source_name: str) -> str:
    """Return `PNG` or `JPEG`; raise UserError for other formats. The suffix of a file is not considered."""
    if encoded_bytes[:4] == b"RIFF" or encoded_bytes[4:8] == b"ftyp":
        file_format = BRANDED_FORMATS.get(encoded_bytes[8:12])
    else:
        file_format = next((name for start, name in FORMATS.items() if encoded_bytes.startswith(start)), None)
    if file_format is None:
        problem = "unreadable image (not a PNG or JPEG file)" if encoded_bytes else "the file is empty"
        raise UserError(f"{source_name}: {problem}; save it again as PNG or JPEG")
    if file_format not in ("PNG", "JPEG"):
        raise UserError(f"{source_name}: the format is {file_format}; save it as PNG or JPEG")
    return file_format


def _has_16_bits(encoded_bytes: bytes) -> bool:
    """Return whether a file is a PNG of 16 bits a channel; Pillow reads the higher 8 bits if it has colours."""
    return encoded_bytes.startswith(PNG_SIGNATURE) and encoded_bytes[PNG_BIT_DEPTH_OFFSET] == 16


def _encode(image: Image.Image, file_format: str) -> bytes:
    stream = io.BytesIO()
    if file_format == "JPEG":
        image.save(stream, "JPEG", quality=95, subsampling=0)
    else:
        image.save(stream, "PNG")
    return stream.getvalue()


@contextlib.contextmanager
def decoding_errors(source_name: str) -> Iterator[None]:
    """Raise UserError instead of any exception in the block; Pillow raises many types for damaged files."""
    try:
        yield
    except Exception as error:
        # The message of this exception has an address in memory.
        reason = "damaged header" if isinstance(error, UnidentifiedImageError) else error
        raise UserError(f"{source_name}: unreadable image ({reason}); download or save it again") from error
