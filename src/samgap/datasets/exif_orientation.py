"""The EXIF orientation of a photograph."""

from PIL import Image

Size = tuple[int, int]
"""Width and height in px."""

ORIENTATION_TAG = 0x0112
UPRIGHT = 1
"""The EXIF orientation of an image that is stored upright."""
ROTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> transposition of the stored image that makes it upright. Source: Exif 2.32, section 4.6.4."""
TRANSPOSED = (5, 6, 7, 8)
"""Orientations that exchange width and height."""


def read_orientation(image: Image.Image) -> int | None:
    """Return the EXIF orientation of an image, 1 to 8; 1 if it has none, None if it is invalid.

    Other EXIF values are not read: cameras write invalid ones, of which Pillow raises exceptions of many types.
    """
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, UPRIGHT)
    except Exception:
        return None
    return orientation if isinstance(orientation, int) and orientation in (UPRIGHT, *ROTATIONS) else None
