import math

import numpy as np
import pytest

from samgap import sequences
from tests.helpers.scenes import ellipse, square

EMPTY = np.zeros((24, 30), bool)


def disk(row, column, radius, shape=(80, 100)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(rows - row, columns - column) <= radius


def test_j_and_f_leave_out_the_first_and_the_last_frame():
    truth = [square(4, 4), square(4, 5), square(4, 6), EMPTY]
    predicted = [EMPTY, square(4, 6), square(4, 6), square(0, 0)]
    j, f = sequences.j_and_f(truth, predicted)
    assert j == pytest.approx((12 / 20 + 1) / 2) and f == 1  # 1 px apart, tolerance 1 px
    assert sequences.j_and_f([EMPTY] * 3, [EMPTY] * 3) == (1, 1)
    assert sequences.j_and_f([EMPTY] * 3, [square(4, 4)] * 3) == (0, 0)
    assert all(map(math.isnan, sequences.j_and_f(truth[:2], predicted[:2])))


def test_motion_is_instability_to_the_published_score_alone():
    track = [square(4, 4 + 2 * frame) for frame in range(5)]
    flows = [np.stack([np.full((24, 30), -2.0), np.zeros((24, 30))], axis=-1)] * 4
    assert sequences.adjacent_iou(track) == pytest.approx(8 / 24)
    assert sequences.warped_consistency(track, flows) == 1
    flicker = [track[0], EMPTY, *track[2:]]
    assert sequences.warped_consistency(flicker, flows) == pytest.approx((0 + 0 + 1 + 1) / 4)


def test_hidden_and_new_pixels_are_left_out_of_the_warp():
    flow = np.zeros((24, 30, 2))
    flow[4:8, 8:10] = np.nan
    assert sequences.warped_consistency([square(4, 4), square(4, 6)], [flow]) == pytest.approx(2 * 4 / (4 * 4))
    away = np.full((24, 30, 2), 99.0)
    assert sequences.warped_consistency([square(4, 4), square(4, 6)], [away]) == 1  # nothing to compare: empty
    assert math.isnan(sequences.warped_consistency([square(4, 4)], []))


def test_identities():
    left, right = [square(4, 4)] * 4, [square(4, 20)] * 4
    truth = {"l": left, "r": right}
    assert sequences.identity_preservation(truth, {1: left, 2: right}) == 1
    switched = {1: left[:2] + right[2:], 2: right[:2] + left[2:]}
    assert sequences.identity_preservation(truth, switched) == pytest.approx(4 / 6)
    # A gap is no switch: the last frame that it was found in counts.
    assert sequences.identity_preservation(truth, {1: [left[0], EMPTY, *left[2:]], 2: right}) == 1
    assert math.isnan(sequences.identity_preservation(truth, {}))


def test_identity_does_not_hang_on_the_order_of_tracks():
    random = np.random.default_rng(1)
    truth = {key: [ellipse(random, (24, 30)) for _ in range(5)] for key in range(4)}
    predicted = {key: [masks if random.random() < 0.8 else EMPTY for masks in truth[key % 4]] for key in range(4)}
    back = dict(reversed(predicted.items()))
    assert sequences.identity_preservation(truth, predicted) == sequences.identity_preservation(truth, back)


def test_a_contour_goes_once_around():
    points = sequences.contour(disk(40, 50, 20))
    assert points.shape == (100, 2)
    assert np.hypot(*(points - (40, 50)).T) == pytest.approx(20, abs=1)
    angle = np.unwrap(np.arctan2(*(points - (40, 50)).T))
    assert abs(angle[-1] - angle[0]) == pytest.approx(2 * np.pi * 0.99, abs=0.05)
    line = np.zeros((9, 12), bool)
    line[4, 2:9] = True
    back = sequences.contour(line)  # there and back
    assert back[:, 1].min() == 2 and back[:, 1].max() == pytest.approx(8, abs=0.13) and (back[:, 0] == 4).all()
    assert (sequences.contour(square(4, 4, 1)) == 4).all()


def test_only_the_largest_part_is_traced_and_holes_are_not():
    mask = disk(40, 50, 20) & ~disk(40, 50, 8) | disk(5, 5, 3)
    assert np.array_equal(sequences.contour(mask), sequences.contour(disk(40, 50, 20)))


def test_a_steady_shape_is_stable_wherever_it_goes_and_a_changing_one_is_not():
    steady = [disk(30, 30 + 5 * frame, 15) for frame in range(5)]
    assert sequences.contour_instability(steady) == pytest.approx(0, abs=1e-9)
    changing = [disk(40, 50, 15), disk(40, 50, 15) | disk(40, 70, 8), disk(40, 50, 15)]
    wobbling = [disk(40, 50, 15), disk(40, 50, 15) | disk(40, 63, 4), disk(40, 50, 15)]
    small, large = sequences.contour_instability(wobbling), sequences.contour_instability(changing)
    assert 0 < small < large < 1
    assert math.isnan(sequences.contour_instability([EMPTY, square(4, 4)]))
