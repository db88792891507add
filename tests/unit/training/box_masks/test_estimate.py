"""Masks estimated from boxes, compared with the visible pixels of drawn apples."""

import numpy as np
import pytest
from scipy import ndimage

from samgap.training.box_masks import estimate_pseudo_mask

RED, GREEN, LEAF = (180, 30, 40), (120, 150, 60), (70, 105, 45)
SIDE = 120


def draw_foliage(colour: tuple[int, int, int] = LEAF) -> np.ndarray:
    """Draw leaves in patches of light and shade."""
    light = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(SIDE, SIDE)), 4)
    return np.array(colour) * (1 + 0.25 * light / light.std())[..., None]


def draw_disc(x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def add_camera_noise(canvas: np.ndarray) -> np.ndarray:
    noisy = ndimage.gaussian_filter(canvas, (0.7, 0.7, 0)) + np.random.default_rng(1).normal(0, 3, canvas.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def make_box(x: float, y: float, radius: float) -> tuple[float, float, float, float]:
    return x - radius, y - radius, x + radius, y + radius


def compute_iou(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


def test_a_leaf_in_front_of_a_red_apple_is_not_in_the_mask() -> None:
    canvas, apple = draw_foliage(), draw_disc(60, 60, 25)
    canvas[apple] = RED
    leaf = np.zeros_like(apple)
    leaf[:, 62:80] = True
    canvas[leaf] = draw_foliage()[leaf]
    mask, confidence = estimate_pseudo_mask(add_camera_noise(canvas), make_box(60, 60, 26))
    assert mask.shape == apple.shape and mask.dtype == bool
    assert compute_iou(mask, apple & ~leaf) > 0.9 > 0.75 > compute_iou(apple, apple & ~leaf)
    assert confidence > 0.6


def test_the_mask_in_a_loose_box_is_the_apple() -> None:
    canvas, apple = draw_foliage(), draw_disc(58, 62, 24)
    canvas[apple] = RED
    mask, _ = estimate_pseudo_mask(add_camera_noise(canvas), make_box(60, 60, 30))
    assert compute_iou(mask, apple) > 0.93 > 0.7 > compute_iou(draw_disc(60, 60, 30), apple)


def test_an_apple_in_the_colour_of_the_leaves_gets_the_ellipse_and_a_low_confidence() -> None:
    canvas, apple = draw_foliage(), draw_disc(60, 60, 25)
    ellipse, low_confidence = estimate_pseudo_mask(add_camera_noise(canvas), make_box(60, 60, 25))
    assert compute_iou(ellipse, apple) > 0.8
    canvas[apple] = RED
    _, high_confidence = estimate_pseudo_mask(add_camera_noise(canvas), make_box(60, 60, 25))
    assert low_confidence < high_confidence - 0.3


@pytest.mark.parametrize("colour", [RED, GREEN])
def test_two_overlapping_apples_of_the_same_colour_each_get_their_visible_part(colour: tuple[int, int, int]) -> None:
    canvas, near, far = draw_foliage(), draw_disc(48, 60, 24), draw_disc(78, 60, 24)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for apple, x in ((far, 78), (near, 48)):  # darker towards the rim, so that the nearer apple has an edge
        ball = np.array(colour) * (1.2 - 0.6 * ((columns - x) ** 2 + (rows - 60) ** 2) / 24**2)[..., None]
        canvas[apple] = ball[apple]
    pixels = add_camera_noise(canvas)
    boxes = make_box(48, 60, 24), make_box(78, 60, 24)
    near_mask, _ = estimate_pseudo_mask(pixels, boxes[0], [boxes[1]])
    far_mask, _ = estimate_pseudo_mask(pixels, boxes[1], [boxes[0]])
    assert compute_iou(near_mask, near) > 0.9
    assert (
        compute_iou(far_mask, far & ~near) > 0.82 > 0.75 > compute_iou(far, far & ~near)
    )  # the rim of the green apple is as dark as the leaves
    assert (near_mask & far_mask).sum() < 0.05 * near.sum()


def test_the_mask_of_an_apple_cut_by_the_image_border_reaches_the_border() -> None:
    canvas, apple = draw_foliage(), draw_disc(2, 60, 25)
    canvas[apple] = RED
    mask, _ = estimate_pseudo_mask(add_camera_noise(canvas), (0, 35, 27, 85))
    assert compute_iou(mask, apple) > 0.9 and mask[45:75, 0].all()


def test_the_mask_in_a_box_larger_than_the_working_resolution() -> None:
    canvas, apple = draw_foliage(), draw_disc(60, 60, 52)
    canvas[apple] = RED
    mask, _ = estimate_pseudo_mask(add_camera_noise(canvas), make_box(60, 60, 52))
    assert compute_iou(mask, apple) > 0.95


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "box", [(50, 50, 53, 80), (-40, 10, -5, 60), (0, 0, SIDE, SIDE), (-30, -30, 200, 200), (100, 100, 140, 130)]
)
def test_boxes_without_information_give_a_mask_and_a_valid_confidence(box: tuple[float, float, float, float]) -> None:
    mask, confidence = estimate_pseudo_mask(
        add_camera_noise(draw_foliage()), box, [box, (30, 30, 60, 60), (40, 40, 40, 60)]
    )
    assert mask.shape == (SIDE, SIDE) and 0 <= confidence <= 1
    assert mask.any() or confidence == 0


def test_an_image_of_one_colour_gives_the_ellipse_and_a_low_confidence() -> None:
    mask, confidence = estimate_pseudo_mask(np.zeros((SIDE, SIDE, 3), np.uint8), make_box(60, 60, 25))
    assert compute_iou(mask, draw_disc(60, 60, 25)) > 0.85 and confidence < 0.3


def test_the_estimate_is_deterministic() -> None:
    canvas = draw_foliage()
    canvas[draw_disc(60, 60, 25)] = GREEN
    pixels = add_camera_noise(canvas)
    first, second = (estimate_pseudo_mask(pixels, make_box(60, 60, 27)) for _ in range(2))
    assert np.array_equal(first[0], second[0]) and first[1] == second[1]
