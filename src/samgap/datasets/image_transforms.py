"""Transforms of an image with its labels: mirror, affine map, crop, and changes of colour and sharpness.

A geometric transform is one affine map of pixel positions, which moves the image and its masks alike. The others leave
every pixel in its place.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

Matrix = tuple[float, float, float, float, float, float]
"""(a, b, c, d, e, f): the point (x, y) of the output shows the point (ax + by + c, dx + ey + f) of the input, in px."""

FILL = (123, 116, 103)
"""Colour of pixels that show nothing of the original: the mean of ImageNet. Source: `image_mean` of `RandomAffine` in
the package of SAM2, training/dataset/transforms.py."""
HUE_STEPS = 256
"""Values of the channel H in Pillow's HSV."""


@dataclass(frozen=True)
class Transform:
    """A transform with its random values drawn.

    Attributes:
        matrix: The map of pixel positions; None if every pixel stays in its place.
        change_pixels: The change of an RGB image after the map; None if it keeps its colours.
        is_axis_aligned: Whether a box stays a box.
    """

    matrix: Matrix | None = None
    change_pixels: Callable[[Image.Image], Image.Image] | None = None
    is_axis_aligned: bool = True

    def apply_to_image(self, image: Image.Image) -> Image.Image:
        """Return the transformed RGB image, of the same size; positions between pixels are interpolated (bicubic)."""
        if self.matrix is not None:
            affine, bicubic = Image.Transform.AFFINE, Image.Resampling.BICUBIC
            image = image.transform(image.size, affine, self.matrix, bicubic, fillcolor=FILL)
        return image if self.change_pixels is None else self.change_pixels(image)

    def apply_to_mask(self, mask: np.ndarray) -> np.ndarray:
        """Return the transformed mask, bool, of the same shape: a pixel is set if the pixel that it shows is set."""
        if self.matrix is None:
            return mask
        image = Image.fromarray(mask.astype(np.uint8))
        moved = image.transform(image.size, Image.Transform.AFFINE, self.matrix, Image.Resampling.NEAREST, fillcolor=0)
        return np.asarray(moved, bool)

    def apply_to_box(self, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """Return the smallest box (x0, y0, x1, y1) around the transformed box, px; it may leave the image."""
        if self.matrix is None:
            return box
        a, b, c, d, e, f = self.matrix
        x0, y0, x1, y1 = box
        corners = np.array([(x0, y0), (x1, y0), (x0, y1), (x1, y1)]) - (c, f)
        moved = np.linalg.solve(np.array([(a, b), (d, e)]), corners.T)
        (left, top), (right, bottom) = moved.min(axis=1), moved.max(axis=1)
        return float(left), float(top), float(right), float(bottom)

    @property
    def area_scale(self) -> float:
        """Area of an object after the transform, if it stays in the image, divided by its area before."""
        return (
            1.0 if self.matrix is None else 1 / abs(self.matrix[0] * self.matrix[4] - self.matrix[1] * self.matrix[3])
        )


def compose(transforms: Sequence[Transform]) -> Transform:
    """Return one transform that does what all of them do in this order, and interpolates the image once.

    Changes of colour follow the map, so they also apply to pixels that show nothing of the original.
    """
    matrices = [np.array([*each.matrix, 0, 0, 1]).reshape(3, 3) for each in transforms if each.matrix is not None]
    changes = [each.change_pixels for each in transforms if each.change_pixels is not None]

    def change(image: Image.Image) -> Image.Image:
        for change_pixels in changes:
            image = change_pixels(image)
        return image

    # A map goes from the output to the input, so the first is applied last.
    matrix = functools.reduce(np.matmul, matrices) if matrices else None
    return Transform(
        None if matrix is None else tuple(float(value) for value in matrix[:2].flat),  # type: ignore[arg-type]
        change if changes else None,
        all(each.is_axis_aligned for each in transforms),
    )


def list_changed_attributes(operation: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the attributes of instances that an operation makes unknown: its option `changes`, or its default."""
    return tuple(options.get("changes", CHANGED_ATTRIBUTES.get(operation, ())))


def make_transform(
    operation: str, options: Mapping[str, Any], size: tuple[int, int], rng: np.random.Generator
) -> Transform:
    """Return a transform, with its random values drawn.

    Args:
        operation: A key of `OPERATIONS`.
        options: The options of the operation.
        size: Width and height of the image, px.
        rng: Random numbers.
    """
    return OPERATIONS[operation](options, size, rng)


def _make_flip(options: Mapping[str, Any], size: tuple[int, int], rng: np.random.Generator) -> Transform:
    """Mirror left and right."""
    return Transform((-1.0, 0.0, float(size[0]), 0.0, 1.0, 0.0))


def _make_affine(options: Mapping[str, Any], size: tuple[int, int], rng: np.random.Generator) -> Transform:
    """Shear along x, then rotate about the centre; both angles are uniform between minus and plus the option."""
    angle, shear = (
        np.deg2rad(rng.uniform(-1, 1) * options.get(name, default)) for name, default in AFFINE_DEFAULTS.items()
    )
    rotation = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    inverse = np.linalg.inv(rotation @ np.array([(1.0, np.tan(shear)), (0.0, 1.0)]))
    centre = np.array(size) / 2
    shift = centre - inverse @ centre
    (a, b), (d, e) = inverse
    return Transform((float(a), float(b), float(shift[0]), float(d), float(e), float(shift[1])), is_axis_aligned=False)


def _make_scale(options: Mapping[str, Any], size: tuple[int, int], rng: np.random.Generator) -> Transform:
    """Enlarge or shrink about the centre by a factor that is uniform between `low` and `high`."""
    factor = rng.uniform(options["low"], options["high"])
    shift = [length / 2 * (1 - 1 / factor) for length in size]
    return Transform((1 / factor, 0.0, shift[0], 0.0, 1 / factor, shift[1]))


def _make_crop(options: Mapping[str, Any], size: tuple[int, int], rng: np.random.Generator) -> Transform:
    """Cut out a rectangle of the image's shape at a random place, and enlarge it to the size of the image."""
    side = options["area"] ** 0.5
    width, height = (max(round(length * side), 1) for length in size)
    left, top = rng.integers(0, size[0] - width + 1), rng.integers(0, size[1] - height + 1)
    return Transform((width / size[0], 0.0, float(left), 0.0, height / size[1], float(top)))


def _make_colour(options: Mapping[str, Any], size: tuple[int, int], rng: np.random.Generator) -> Transform:
    """Change brightness, contrast, saturation and hue, in this order.

    The first three are multiplied by factors that are uniform between 1 − v and 1 + v, and the hue is turned by a
    uniform part of the colour circle between −v and v, where v is the option. Source: torchvision's `ColorJitter`, with
    a fixed order.
    """
    factors = {name: 1 + rng.uniform(-1, 1) * options.get(name, 0) for name in ENHANCERS}
    turn = rng.uniform(-1, 1) * options.get("hue", 0)

    def change(image: Image.Image) -> Image.Image:
        for name, factor in factors.items():
            image = ENHANCERS[name](image).enhance(factor)
        return turn_hue(image, turn)

    return Transform(change_pixels=change)


def _make_hue(options: Mapping[str, Any], size: tuple[int, int], rng: np.random.Generator) -> Transform:
    """Turn the hue by a fixed part of the colour circle."""
    return Transform(change_pixels=lambda image: turn_hue(image, options["turn"]))


def _make_grey(options: Mapping[str, Any], size: tuple[int, int], rng: np.random.Generator) -> Transform:
    """Remove the colour; the brightness is that of ITU-R 601-2."""
    return Transform(change_pixels=lambda image: image.convert("L").convert("RGB"))


def _make_blur(options: Mapping[str, Any], size: tuple[int, int], rng: np.random.Generator) -> Transform:
    """Blur with a Gaussian whose standard deviation is a fraction of the longer side of the image."""
    return Transform(change_pixels=lambda image: image.filter(ImageFilter.GaussianBlur(options["sigma"] * max(size))))


def turn_hue(image: Image.Image, turn: float) -> Image.Image:
    """Return an RGB image with its hue turned by a part of the colour circle: red becomes green by 1/3."""
    steps = round(turn * HUE_STEPS) % HUE_STEPS
    if steps == 0:
        return image
    channels = np.array(image.convert("HSV"))
    channels[..., 0] += np.uint8(steps)  # modulo 256
    return Image.fromarray(channels, "HSV").convert("RGB")


AFFINE_DEFAULTS = {"degrees": 0, "shear": 0}
ENHANCERS: Mapping[str, Any] = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "saturation": ImageEnhance.Color,
}
OPERATIONS: Mapping[str, Callable[[Mapping[str, Any], tuple[int, int], np.random.Generator], Transform]] = {
    "flip": _make_flip,
    "affine": _make_affine,
    "scale": _make_scale,
    "crop": _make_crop,
    "colour": _make_colour,
    "hue": _make_hue,
    "grey": _make_grey,
    "blur": _make_blur,
}
"""Name of an operation -> its function."""
CHANGED_ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "scale": ("size",),
    "crop": ("size",),
    "colour": ("colour",),
    "hue": ("colour",),
    "grey": ("colour",),
}
"""Name of an operation -> attributes of instances that it makes unknown by default."""
