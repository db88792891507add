"""Transforms: the image and its masks move together, and colours change as the options say."""

import colorsys

import numpy as np
import pytest
import yaml
from PIL import Image

from samgap.config.plugin_options import SCHEMA_FILE
from samgap.datasets.image_transforms import FILL, OPERATIONS, compose, make_transform, turn_hue
from tests.helpers.cases import ROOT

SIZE = 64, 48
BLUE = (20, 40, 220)
COLOUR_STRENGTHS = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}


def make_mask() -> np.ndarray:
    """Return an L of 13 × 17 px that is not symmetric, left of and above the centre."""
    mask = np.zeros((SIZE[1], SIZE[0]), bool)
    mask[12:29, 14:19] = True
    mask[24:29, 14:27] = True
    return mask


def make_image(mask: np.ndarray) -> Image.Image:
    """Return a grey image with the mask in blue."""
    pixels = np.full((*mask.shape, 3), 128, np.uint8)
    pixels[mask] = BLUE
    return Image.fromarray(pixels)


def is_blue(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image, int)
    return pixels[..., 2] - pixels[..., 0] > 100


def apply(operation, options, seed=0):
    mask = make_mask()
    transform = make_transform(operation, options, SIZE, np.random.default_rng(seed))
    return transform, transform.apply_to_image(make_image(mask)), transform.apply_to_mask(mask)


def test_a_flip_mirrors_every_pixel_exactly():
    transform, image, mask = apply("flip", {})
    assert np.array_equal(np.asarray(image), np.asarray(make_image(make_mask()))[:, ::-1])
    assert np.array_equal(mask, make_mask()[:, ::-1])
    assert transform.apply_to_box((14, 12, 27, 29)) == (37, 12, 50, 29)
    assert transform.area_scale == 1 and transform.is_axis_aligned


@pytest.mark.parametrize("seed", range(6))
def test_an_affine_map_moves_pixels_and_mask_alike(seed):
    transform, image, mask = apply("affine", {"degrees": 25, "shear": 20}, seed)
    blue = is_blue(image)
    assert not np.array_equal(mask, make_mask()) and mask.sum() == pytest.approx(make_mask().sum(), rel=0.06)
    # Interpolated colours at the boundary differ; they are at most one pixel wide.
    assert (blue & mask).sum() / (blue | mask).sum() > 0.9
    inner = mask & np.roll(mask, 1, 0) & np.roll(mask, -1, 0) & np.roll(mask, 1, 1) & np.roll(mask, -1, 1)
    assert blue[inner].all()
    rows, columns = np.nonzero(mask)
    x0, y0, x1, y1 = transform.apply_to_box((14, 12, 27, 29))
    assert x0 - 0.5 <= columns.min() and columns.max() <= x1 and y0 - 0.5 <= rows.min() and rows.max() <= y1
    assert transform.area_scale == pytest.approx(1) and not transform.is_axis_aligned
    assert tuple(np.asarray(image)[0, 0]) == FILL or tuple(np.asarray(image)[0, -1]) == FILL


def test_the_rotation_and_the_shear_keep_to_their_limits():
    angles, shears = [], []
    for seed in range(200):
        for name, values in (("degrees", angles), ("shear", shears)):
            matrix = make_transform("affine", {name: 30}, SIZE, np.random.default_rng(seed)).matrix
            a, b, c, d, e, f = matrix
            values.append(np.degrees(np.arctan2(-d, a) if name == "degrees" else np.arctan2(-b, e)))
            # The centre stays where it is.
            assert (a * 32 + b * 24 + c, d * 32 + e * 24 + f) == (pytest.approx(32), pytest.approx(24))
    for values in (angles, shears):
        assert -30 <= min(values) < -27 and 27 < max(values) <= 30


def test_a_crop_enlarges_a_part_of_the_area_and_shape():
    transform, image, mask = apply("crop", {"area": 0.25}, seed=3)
    width, _, left, _, height, top = transform.matrix
    assert (width, height) == (0.5, 0.5) and transform.area_scale == 4
    assert 0 <= left <= 32 and 0 <= top <= 24 and left == int(left) and top == int(top)
    part = make_mask()[int(top) : int(top) + 24, int(left) : int(left) + 32]
    assert part.any() and np.array_equal(mask, part.repeat(2, axis=0).repeat(2, axis=1))
    assert (is_blue(image) == mask).mean() > 0.95


def test_crops_of_other_seeds_are_at_other_places():
    places = {make_transform("crop", {"area": 0.5}, SIZE, np.random.default_rng(seed)).matrix for seed in range(20)}
    assert len(places) > 10


@pytest.mark.parametrize(
    ("operation", "options"),
    [("colour", COLOUR_STRENGTHS), ("hue", {"turn": 0.1}), ("grey", {}), ("blur", {"sigma": 0.03})],
)
def test_other_operations_leave_masks_and_boxes_in_place(operation, options):
    transform, image, mask = apply(operation, options)
    assert np.array_equal(mask, make_mask()) and transform.apply_to_box((1, 2, 3, 4)) == (1, 2, 3, 4)
    assert image.size == SIZE and image.mode == "RGB"
    assert not np.array_equal(np.asarray(image), np.asarray(make_image(make_mask())))


def test_a_hue_turn_of_a_third_makes_red_green_and_a_whole_turn_nothing():
    red = Image.new("RGB", (4, 4), (200, 30, 30))
    turned = np.asarray(turn_hue(red, 1 / 3), int)
    assert np.abs(turned - (30, 200, 30)).max() <= 4
    assert np.array_equal(np.asarray(turn_hue(red, 1.0)), np.asarray(red))


def test_grey_has_the_brightness_of_itu_r_601():
    image = make_transform("grey", {}, (4, 4), np.random.default_rng(0)).apply_to_image(Image.new("RGB", (4, 4), BLUE))
    assert set(np.asarray(image).ravel()) == {round(0.299 * 20 + 0.587 * 40 + 0.114 * 220)}


def test_colour_changes_stay_within_their_strengths():
    image = Image.new("RGB", (4, 4), (120, 60, 60))
    factors, turns = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        bright = make_transform("colour", {"brightness": 0.4}, (4, 4), rng).apply_to_image(image)
        factors.append(np.asarray(bright)[0, 0, 0] / 120)
        turned = make_transform("colour", {"hue": 0.1}, (4, 4), rng).apply_to_image(image)
        hue = colorsys.rgb_to_hsv(*np.asarray(turned)[0, 0])[0]
        turns.append((hue + 0.5) % 1 - 0.5)
    assert 0.59 < min(factors) < 0.65 and 1.35 < max(factors) < 1.41
    assert -0.11 < min(turns) < -0.08 and 0.08 < max(turns) < 0.11


def test_a_colour_change_without_a_strength_changes_nothing():
    _, image, _ = apply("colour", {})
    assert np.array_equal(np.asarray(image), np.asarray(make_image(make_mask())))


def test_a_blur_has_its_standard_deviation():
    pixels = np.zeros((101, 101, 3), np.uint8)
    pixels[:, 50:] = 255
    blurred = make_transform("blur", {"sigma": 0.04}, (101, 101), np.random.default_rng(0)).apply_to_image(
        Image.fromarray(pixels)
    )
    steps = np.diff(np.asarray(blurred, float)[50, :, 0]) / 255
    positions = np.arange(len(steps))
    mean = (steps * positions).sum() / steps.sum()
    # Pillow approximates the Gaussian by three box filters.
    assert np.sqrt((steps * (positions - mean) ** 2).sum() / steps.sum()) == pytest.approx(4.04, rel=0.05)


def test_every_operation_is_an_option():
    schema = yaml.safe_load((ROOT / SCHEMA_FILE).read_text(encoding="utf-8"))
    assert list(schema["$defs"]["transform"]["properties"]) == list(OPERATIONS)


@pytest.mark.parametrize("seed", range(3))
def test_a_scale_enlarges_about_the_centre_within_its_limits(seed):
    transform = make_transform("scale", {"low": 0.5, "high": 0.8}, (200, 100), np.random.default_rng(seed))
    x0, y0, x1, y1 = transform.apply_to_box((0, 0, 200, 100))
    assert 0.5 <= (x1 - x0) / 200 <= 0.8 and (x1 - x0) / 200 == pytest.approx((y1 - y0) / 100)
    assert ((x0 + x1) / 2, (y0 + y1) / 2) == pytest.approx((100, 50))
    assert transform.area_scale == pytest.approx(((x1 - x0) / 200) ** 2)


def test_composed_transforms_do_the_same_as_one_after_the_other():
    rng = np.random.default_rng(0)
    operations = (("crop", {"area": 0.5}), ("flip", {}), ("scale", {"low": 0.7, "high": 0.7}), ("grey", {}))
    transforms = [make_transform(*operation, SIZE, rng) for operation in operations]
    composed, box = compose(transforms), (5.0, 6.0, 20.0, 18.0)
    expected = box
    for transform in transforms:
        expected = transform.apply_to_box(expected)
    assert composed.apply_to_box(box) == pytest.approx(expected)
    grey = np.asarray(composed.apply_to_image(make_image(make_mask())))
    assert composed.is_axis_aligned and (grey[..., 0] == grey[..., 2]).all()
    rotated = compose([*transforms, make_transform("affine", {"degrees": 9}, SIZE, rng)])
    assert not rotated.is_axis_aligned


def test_nothing_composed_changes_nothing():
    image = make_image(make_mask())
    assert np.array_equal(np.asarray(compose([]).apply_to_image(image)), np.asarray(image))
