"""Masks guessed from boxes: against drawn apples whose visible pixels are known."""

import itertools

import numpy as np
import pytest
from samgap.demo_models.box_masks import estimate_pseudo_mask
from scipy import ndimage

from samgap.demo_models import box_colours, box_masks

RED, GREEN, LEAF = (180, 30, 40), (120, 150, 60), (70, 105, 45)
SIDE = 120


def foliage(colour: tuple[int, int, int] = LEAF) -> np.ndarray:
    """Leaves in patches of light and shade."""
    light = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(SIDE, SIDE)), 4)
    return np.array(colour) * (1 + 0.25 * light / light.std())[..., None]


def disc(x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:SIDE, :SIDE] + 0.5
    return (columns - x) ** 2 + (rows - y) ** 2 < radius**2


def photograph(canvas: np.ndarray) -> np.ndarray:
    noisy = ndimage.gaussian_filter(canvas, (0.7, 0.7, 0)) + np.random.default_rng(1).normal(0, 3, canvas.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def around(x: float, y: float, radius: float) -> tuple[float, float, float, float]:
    return x - radius, y - radius, x + radius, y + radius


def iou(one: np.ndarray, two: np.ndarray) -> float:
    return float((one & two).sum() / (one | two).sum())


def test_a_leaf_before_a_red_apple_is_cut_out() -> None:
    canvas, apple = foliage(), disc(60, 60, 25)
    canvas[apple] = RED
    leaf = np.zeros_like(apple)
    leaf[:, 62:80] = True
    canvas[leaf] = foliage()[leaf]
    found, confidence = estimate_pseudo_mask(photograph(canvas), around(60, 60, 26))
    assert found.shape == apple.shape and found.dtype == bool
    assert iou(found, apple & ~leaf) > 0.9 > 0.75 > iou(apple, apple & ~leaf)
    assert confidence > 0.6


def test_a_loose_box_shrinks_to_the_apple() -> None:
    canvas, apple = foliage(), disc(58, 62, 24)
    canvas[apple] = RED
    found, _ = estimate_pseudo_mask(photograph(canvas), around(60, 60, 30))
    assert iou(found, apple) > 0.93 > 0.7 > iou(disc(60, 60, 30), apple)


def test_an_apple_of_its_surroundings_colour_is_the_ellipse_and_trusted_less() -> None:
    canvas, apple = foliage(), disc(60, 60, 25)
    hidden, doubtful = estimate_pseudo_mask(photograph(canvas), around(60, 60, 25))
    assert iou(hidden, apple) > 0.8
    canvas[apple] = RED
    _, sure = estimate_pseudo_mask(photograph(canvas), around(60, 60, 25))
    assert doubtful < sure - 0.3


@pytest.mark.parametrize("colour", [RED, GREEN])
def test_of_two_alike_each_keeps_what_is_seen_of_it(colour: tuple[int, int, int]) -> None:
    canvas, near, far = foliage(), disc(48, 60, 24), disc(78, 60, 24)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for apple, x in ((far, 78), (near, 48)):  # darker towards the rim, as a ball is, so that the nearer shows an edge
        ball = np.array(colour) * (1.2 - 0.6 * ((columns - x) ** 2 + (rows - 60) ** 2) / 24**2)[..., None]
        canvas[apple] = ball[apple]
    pixels = photograph(canvas)
    boxes = around(48, 60, 24), around(78, 60, 24)
    front, _ = estimate_pseudo_mask(pixels, boxes[0], [boxes[1]])
    back, _ = estimate_pseudo_mask(pixels, boxes[1], [boxes[0]])
    assert iou(front, near) > 0.9
    assert iou(back, far & ~near) > 0.82 > 0.75 > iou(far, far & ~near)  # the green one's rim is as dark as the leaves
    assert (front & back).sum() < 0.05 * near.sum()


def test_an_apple_cut_by_the_border_is_found_to_the_border() -> None:
    canvas, apple = foliage(), disc(2, 60, 25)
    canvas[apple] = RED
    found, _ = estimate_pseudo_mask(photograph(canvas), (0, 35, 27, 85))
    assert iou(found, apple) > 0.9 and found[45:75, 0].all()


def test_a_box_larger_than_the_working_size() -> None:
    canvas, apple = foliage(), disc(60, 60, 52)
    canvas[apple] = RED
    found, _ = estimate_pseudo_mask(photograph(canvas), around(60, 60, 52))
    assert iou(found, apple) > 0.95


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "box", [(50, 50, 53, 80), (-40, 10, -5, 60), (0, 0, SIDE, SIDE), (-30, -30, 200, 200), (100, 100, 140, 130)]
)
def test_boxes_that_leave_little_to_go_by(box: tuple[float, float, float, float]) -> None:
    found, confidence = estimate_pseudo_mask(photograph(foliage()), box, [box, (30, 30, 60, 60), (40, 40, 40, 60)])
    assert found.shape == (SIDE, SIDE) and 0 <= confidence <= 1
    assert found.any() or confidence == 0


def test_one_colour_everywhere() -> None:
    found, confidence = estimate_pseudo_mask(np.zeros((SIDE, SIDE, 3), np.uint8), around(60, 60, 25))
    assert iou(found, disc(60, 60, 25)) > 0.85 and confidence < 0.3


def test_the_cut_is_the_best_of_all() -> None:
    rng = np.random.default_rng(3)
    gain = np.round(rng.normal(scale=6, size=(3, 4)), 2)
    edges = box_masks._compute_edge_costs(rng.uniform(0, 20, (3, 4, 3)).astype(np.float32))

    def worth(mask: np.ndarray) -> float:
        a, b, cost = edges
        return float(gain[mask].sum() - cost[mask.ravel()[a] != mask.ravel()[b]].sum())

    every = (np.array(bits, bool).reshape(3, 4) for bits in itertools.product((0, 1), repeat=12))
    found = box_masks._solve_min_cut(gain, edges)
    assert worth(found) == pytest.approx(max(map(worth, every)), abs=0.1)
    assert 0 < found.sum() < 12


def test_lab_of_known_colours() -> None:
    # The sRGB primaries' and white's published L*a*b* (D65).
    lab = box_colours.rgb_to_lab(np.array([[[255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 0]]], np.uint8))[0]
    known = [[100, 0, 0], [53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [0, 0, 0]]
    np.testing.assert_allclose(lab, known, atol=0.3)


def test_the_same_every_time() -> None:
    canvas = foliage()
    canvas[disc(60, 60, 25)] = GREEN
    pixels = photograph(canvas)
    one, two = (estimate_pseudo_mask(pixels, around(60, 60, 27)) for _ in range(2))
    assert np.array_equal(one[0], two[0]) and one[1] == two[1]
