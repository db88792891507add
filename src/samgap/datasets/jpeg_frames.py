"""Extract the first picture of a Multi-Picture file, a JPEG of a camera with more pictures after the first."""

MULTI_PICTURE_HEADER = b"MPF\0"
"""First bytes of the segment (APP2) that lists the pictures. Source: CIPA DC-007, section 5.2.1."""
_APP2, _END_OF_IMAGE, _START_OF_SCAN = 0xE2, 0xD9, 0xDA
_STANDALONE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers of JPEG that no segment follows: TEM, RST0 to RST7, SOI."""


def extract_first_frame(encoded_bytes: bytes) -> bytes:
    """Return the first picture of a Multi-Picture file as a plain JPEG; other files are returned unchanged.

    The compressed pixels and all segments are copied, without the list of pictures. A file with an invalid structure
    is returned up to where it is valid, or unchanged if that is before its pixels.

    Source: the syntax of ITU-T T.81 (JPEG), annex B.

    Args:
        encoded_bytes: Content of a JPEG file.
    """
    if MULTI_PICTURE_HEADER not in encoded_bytes:
        return encoded_bytes
    kept = [encoded_bytes[:2]]
    position, has_index, has_pixels = 2, False, False
    while (marker := _find_marker(encoded_bytes, position)) is not None:
        start, position = position, marker + 2
        code = encoded_bytes[marker + 1]
        if code == _END_OF_IMAGE:
            kept.append(encoded_bytes[start:position])
            break
        if code not in _STANDALONE_MARKERS:
            position += int.from_bytes(encoded_bytes[position : position + 2], "big")
        if code == _START_OF_SCAN:
            has_pixels = True
            position = _find_end_of_scan(encoded_bytes, position)
        if code == _APP2 and encoded_bytes.startswith(MULTI_PICTURE_HEADER, marker + 4):
            has_index = True
        else:
            kept.append(encoded_bytes[start:position])
    return b"".join(kept) if has_index and has_pixels else encoded_bytes


def _find_marker(encoded_bytes: bytes, position: int) -> int | None:
    """Return the position of the marker that starts at `position`, after optional fill bytes; None if there is none."""
    while encoded_bytes[position : position + 2] == b"\xff\xff":
        position += 1
    return position if encoded_bytes[position : position + 1] == b"\xff" and position + 1 < len(encoded_bytes) else None


def _find_end_of_scan(encoded_bytes: bytes, position: int) -> int:
    """Return the position of the first marker after the compressed pixels that start at `position`."""
    while (position := encoded_bytes.find(b"\xff", position)) >= 0 and position + 1 < len(encoded_bytes):
        # In compressed pixels, 0xFF is followed by 0, by a fill byte, or by the number of a restart marker.
        if encoded_bytes[position + 1] not in (0x00, 0xFF, *range(0xD0, 0xD8)):
            return position
        position += 1
    return len(encoded_bytes)
