"""Segmentation of a small image by an exact minimum cut."""

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph

Array = np.ndarray

SMOOTHNESS_WEIGHT = 5.0
"""Weight of the boundary's length."""

CAPACITY_SCALE = 100
"""Capacities are rounded to integers after this factor, as the solver needs."""


def compute_edge_costs(lab_image: Array) -> tuple[Array, Array, Array]:
    """Return the pairs of 8-connected pixels and the cost of separating each pair.

    The cost is lower where the colour changes, as in GrabCut.

    Args:
        lab_image: L*a*b*, (h, w, 3)

    Returns:
        Flat indices of the first and of the second pixels, and the costs.
    """
    rows, columns = lab_image.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    pairs: list[tuple[tuple[slice, ...], tuple[slice, ...], float]] = [
        (np.s_[:, :-1], np.s_[:, 1:], 1.0),
        (np.s_[:-1, :], np.s_[1:, :], 1.0),
        (np.s_[:-1, :-1], np.s_[1:, 1:], 0.5**0.5),
        (np.s_[:-1, 1:], np.s_[1:, :-1], 0.5**0.5),
    ]
    squares = [((lab_image[first] - lab_image[second]) ** 2).sum(-1) for first, second, _ in pairs]
    beta = 1 / (2 * max(float(np.mean([square.mean() for square in squares])), 1.0))
    costs = [
        SMOOTHNESS_WEIGHT / 2 * inverse_distance * np.exp(-beta * square)
        for (_, _, inverse_distance), square in zip(pairs, squares, strict=True)
    ]
    return (
        np.concatenate([index[first].ravel() for first, _, _ in pairs]),
        np.concatenate([index[second].ravel() for _, second, _ in pairs]),
        np.concatenate([cost.ravel() for cost in costs]),
    )


def solve_min_cut(foreground_gain: Array, edges: tuple[Array, Array, Array]) -> Array:
    """Return the mask that maximises its total gain minus the cost of the edges that it cuts.

    Args:
        foreground_gain: gain of each pixel in the mask, (h, w)
        edges: as from `compute_edge_costs`

    Returns:
        bool (h, w)
    """
    n_pixels = foreground_gain.size
    source, sink = n_pixels, n_pixels + 1
    first, second, cost = edges
    gain, pixels, zeros = foreground_gain.ravel(), np.arange(n_pixels), np.zeros(n_pixels)
    # Every arc exists in both directions, so that the graph and the flow have the same sparsity pattern.
    start = np.concatenate([first, second, np.full(n_pixels, source), pixels, pixels, np.full(n_pixels, sink)])
    end = np.concatenate([second, first, pixels, np.full(n_pixels, source), np.full(n_pixels, sink), pixels])
    capacity = np.concatenate([cost, cost, np.maximum(gain, 0), zeros, np.maximum(-gain, 0), zeros])
    graph = sparse.csr_matrix(
        ((capacity * CAPACITY_SCALE).astype(np.int32), (start, end)), shape=(n_pixels + 2, n_pixels + 2)
    )
    residual = graph - csgraph.maximum_flow(graph, source, sink).flow
    residual.eliminate_zeros()
    mask = np.zeros(n_pixels + 2, bool)
    mask[csgraph.breadth_first_order(residual, source, return_predecessors=False)] = True
    return mask[:n_pixels].reshape(foreground_gain.shape)
