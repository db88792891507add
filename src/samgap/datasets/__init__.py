"""Data sets: each module without a leading underscore is a kind, named by `datasets.<id>.kind`.

A kind offers `info(options)` (what is labelled: `nouns`, `attributes`) and `pictures(options, archives, seed)`,
which yields `Picture`s; `_write.py` turns them into the files that every data set ends in.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Annotation:
    """One object of a picture. `mask` is bool (height, width), or None where only `box` (x0, y0, x1, y1) is known.

    A mask may be just the part of the picture that it lies in; `at` is then where that part's first pixel is.
    """

    noun: str
    mask: np.ndarray | None = None
    box: tuple[float, float, float, float] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    ignore: bool = False
    occluded_fraction: float | None = None  # share of it that something hides, 0 to 1, where it is known
    track_id: int | None = None  # one number for one object in all frames of a sequence
    offset: tuple[int, int] | None = None  # row and column in px


@dataclass(frozen=True)
class AnnotatedImage:
    """An image as its encoded bytes (`name` ends in .png or .jpg), its size in px, its group and its objects."""

    file_name: str
    encoded_bytes: bytes
    width: int
    height: int
    group: str
    annotations: list[Annotation]
    attributes: Mapping[str, str] = field(default_factory=dict)  # of the image: its light, say
    sequence: str | None = None  # the video it is a frame of; then `name` is <sequence>/<frame>.jpg
    frame_index: int | None = None
    extra_files: Mapping[str, bytes] = field(default_factory=dict)  # further files beside it, by name below images/
