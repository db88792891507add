"""The minimum cut against an exhaustive search."""

import itertools

import numpy as np
import pytest

from samgap.training.box_masks.min_cut import compute_edge_costs, solve_min_cut


def test_no_other_mask_is_better_than_the_minimum_cut() -> None:
    rng = np.random.default_rng(3)
    gain = np.round(rng.normal(scale=6, size=(3, 4)), 2)
    edges = compute_edge_costs(rng.uniform(0, 20, (3, 4, 3)).astype(np.float32))

    def objective(mask: np.ndarray) -> float:
        first, second, cost = edges
        return float(gain[mask].sum() - cost[mask.ravel()[first] != mask.ravel()[second]].sum())

    all_masks = (np.array(bits, bool).reshape(3, 4) for bits in itertools.product((0, 1), repeat=12))
    mask = solve_min_cut(gain, edges)
    assert objective(mask) == pytest.approx(max(map(objective, all_masks)), abs=0.1)
    assert 0 < mask.sum() < 12
