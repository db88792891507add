"""Simulated coverage of the intervals in the cases where percentile intervals miss the true value most often."""

from dataclasses import replace

import numpy as np

from samgap.statistics import bootstrap
from samgap.statistics.clusters import Clustering
from samgap.statistics.intervals import compute_interval
from tests.helpers.sums import make_sums

REPETITIONS = 200
MISSED = 0.02


def measure_coverage(draw_sums, truth, n_clusters):
    """Return the share of samples whose interval contains the true value."""
    rng, clustering = np.random.default_rng(1), Clustering("image", n_clusters, None)
    n_covered = 0
    for repetition in range(REPETITIONS):
        sums = draw_sums(rng, n_clusters)
        interval = compute_interval(*bootstrap.resample([sums], repetition, "set", 500), [sums], [clustering], 0.95)
        n_covered += interval.low <= truth <= interval.high
    return n_covered / REPETITIONS


def make_spread(values):
    """Make the standard deviation of the means of several values of each cluster, (clusters, values)."""

    def compute(statistics):
        return statistics["sum"].std(axis=-1) / len(values)

    sums = make_sums(values[:, 0], compute=compute, is_biased=True, is_spread=True, mean_weights=None)
    return replace(sums, cluster_sums=values, statistic_widths={"sum": values.shape[1]})


def test_the_interval_of_a_spread_contains_0_if_the_values_are_equal():
    def draw(rng, n, means=(0.5, 0.5, 0.5, 0.5)):
        return make_spread(rng.normal(means, 0.1, (n, 4)))

    assert measure_coverage(draw, 0.0, 60) >= 0.96
    # A spread of several standard errors has an interval above 0.
    sums = draw(np.random.default_rng(2), 60, (0.45, 0.45, 0.55, 0.55))
    interval = compute_interval(
        *bootstrap.resample([sums], 0, "set", 500), [sums], [Clustering("image", 60, None)], 0.95
    )
    assert 0 < interval.low < 0.05 < interval.high


def test_the_interval_of_rare_misses_of_whole_images_covers():
    def draw(rng, n):
        # Two percent of the images are missed as a whole, and single instances of others.
        truth = rng.geometric(1 / 6, n)
        return make_sums(np.where(rng.random(n) < MISSED, 0, rng.binomial(truth, 0.99)), truth)

    assert measure_coverage(draw, (1 - MISSED) * 0.99, 200) >= 0.94
