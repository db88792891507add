"""Families of tests that are too large for their clusters or resamples to be significant."""

import numpy as np
import pytest

from samgap.statistics import bootstrap
from samgap.statistics.attainable import Arrangements, explain_unattainable
from samgap.statistics.permutation import permutation_p_value
from tests.helpers.sums import make_sums


def explain(clusters, n_permutations, level):
    return explain_unattainable([Arrangements.of_swaps(n) for n in clusters], n_permutations, level)


@pytest.mark.parametrize(
    ("n_clusters", "n_permutations", "p_value"),
    [(1, 1000, 1.0), (4, 1000, 1 / 8), (5, 1000, 1 / 16), (6, 1000, 1 / 32), (30, 1000, 1 / 1001), (30, 9, 0.1)],
)
def test_the_smallest_p_value_is_that_of_a_large_difference(n_clusters, n_permutations, p_value):
    assert Arrangements.of_swaps(n_clusters).smallest_p_value(n_permutations) == p_value
    first, second = make_sums(np.arange(n_clusters) + 100.0), make_sums(np.zeros(n_clusters))
    rng = bootstrap.seeded_generator(1, "swaps")
    measured = permutation_p_value(first, second, n_permutations, rng)
    # Nothing can be below; random swaps of 30 clusters include neither of the two extreme ones here. One cluster has
    # no test.
    assert measured == (None if n_clusters == 1 else pytest.approx(p_value))


def test_a_family_that_can_be_significant_has_no_reason():
    assert explain([60] * 12, 10_000, 0.05) == [None] * 12
    # Six clusters: p ≥ 1/32, so one test can be significant and two cannot.
    assert explain([6], 10_000, 0.05) == [None]


def test_too_few_clusters_for_the_family():
    reasons = explain([6, 6], 10_000, 0.05)
    assert reasons[0] == reasons[1]
    assert reasons[0] == (
        "cannot be significant: with 6 clusters and 10,000 resamples p is at least 0.031, and p (Holm) of 2 tests "
        "at least 0.062, above 0.05; it needs fewer tests or more clusters"
    )


def test_too_few_resamples_for_the_family():
    # p ≥ 1/201; ten tests reach 10/201 < 0.05, eleven cannot.
    assert explain([60] * 10, 200, 0.05) == [None] * 10
    reasons = explain([60] * 11, 200, 0.05)
    assert all(reason.endswith("or more `resamples`") and "p (Holm) of 11 tests" in reason for reason in reasons)


def test_only_tests_that_no_order_of_holm_helps_have_a_reason():
    # The tests of 60 clusters have p ≥ 1/10001 and that of 4 clusters p ≥ 1/8, which is last and so not multiplied.
    first, second, few = explain([60, 60, 4], 10_000, 0.05)
    assert first is None and second is None and "p (Holm) of 3 tests at least 0.12" in few
    assert explain([60, 60, 6], 10_000, 0.05) == [None, None, None]
