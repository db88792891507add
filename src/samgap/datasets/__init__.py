"""Data sets. Each plug-in module is one kind of data set; `datasets.<id>.kind` in the configuration selects it.

A kind defines `describe_labels(options)`, which returns the labelled `nouns` and `attributes`, and
`iter_images(options, archives, seed)`, which yields `AnnotatedImage`s. If it reads labels that it cannot use, it names
them in `AnnotatedImage.incomplete` and returns their counts (a generator can return a value), `left_out.LabelCounts`.
`samgap.datasets.write` writes the images to the files that are common to all data sets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Annotation:
    """One labelled instance of an image, with a mask or a box.

    Attributes:
        noun: Class of the instance.
        mask: Bool, (height, width): the whole image, or a crop that starts at `offset`. None if only the box is
            labelled.
        box: Corners (x0, y0, x1, y1) in px; needed if there is no mask.
        attributes: Attribute name -> value.
        ignore: Whether the instance is excluded from the evaluation: neither a match nor a false positive.
        occluded_fraction: Fraction of the instance hidden by other objects, 0 to 1; None if unknown.
        track_id: Number of the object, the same in all frames of a sequence; None for single images.
        offset: Row and column of the first pixel of `mask` in the image, in px; None if `mask` covers the whole image.
        unknown_attributes: Names of attributes that the source has without a value that can be read.
    """

    noun: str
    mask: np.ndarray | None = None
    box: tuple[float, float, float, float] | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    ignore: bool = False
    occluded_fraction: float | None = None
    track_id: int | None = None
    offset: tuple[int, int] | None = None
    unknown_attributes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnnotatedImage:
    """An encoded image with its annotations.

    Attributes:
        file_name: Name of the image file, ending in .png, .jpg or .jpeg. For a frame of a video it is
            `<sequence>/<frame>.jpg`.
        encoded_bytes: Content of the image file.
        width: Width in px.
        height: Height in px.
        group: Source of the image, such as its video. Confidence intervals resample whole groups.
        annotations: Labelled instances.
        attributes: Attributes of the image, such as its lighting.
        sequence: Name of the video; None for single images.
        frame_index: Number of the frame in its video, from 0; None for single images.
        extra_files: Further files by their path relative to the folder of the images, such as optical flow.
        incomplete: Nouns of which labels of the image cannot be used. Phrases of these nouns are not evaluable there.
    """

    file_name: str
    encoded_bytes: bytes
    width: int
    height: int
    group: str
    annotations: list[Annotation]
    attributes: Mapping[str, str] = field(default_factory=dict)
    sequence: str | None = None
    frame_index: int | None = None
    extra_files: Mapping[str, bytes] = field(default_factory=dict)
    incomplete: tuple[str, ...] = ()
