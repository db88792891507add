"""Which values are paired, and the columns of a difference."""

import numpy as np
import pytest

from samgap.statistics import bootstrap, jackknife, unpaired
from samgap.statistics.attainable import Arrangements
from samgap.statistics.clusters import Clustering
from samgap.statistics.differences import Difference
from tests.helpers.sums import make_sums

SETTINGS = {"resamples": 500, "confidence": 0.95}
VALUES = np.random.default_rng(0).uniform(0.2, 0.9, 16)


def subtract(first, second, is_one_dataset=True, **fields):
    clusterings = tuple(Clustering("image", len(side.has_data), None) for side in (first, second))
    draws = [bootstrap.resample([side], 0, name, 500)[0] for side, name in ((first, "a"), (second, "b"))]
    return Difference(first, second, clusterings, is_one_dataset, draws[0] - draws[1], **fields)


def describe(difference):
    return difference.describe(SETTINGS, bootstrap.seeded_generator(1, "swaps"))


def test_values_of_the_same_clusters_are_paired():
    difference = subtract(make_sums(VALUES), make_sums(VALUES**2))
    assert difference.is_paired and difference.arrangements == Arrangements.of_swaps(16)
    assert describe(difference)["pairing"] == "paired"


def test_two_data_sets_are_unpaired_even_of_the_same_size():
    first, second = make_sums(VALUES), make_sums(VALUES**2)
    difference = subtract(first, second, is_one_dataset=False)
    row = describe(difference)
    assert row["pairing"] == "unpaired" and difference.arrangements == Arrangements.of_divisions(16, 16)
    samples = jackknife.pseudo_values(first), jackknife.pseudo_values(second)
    assert row["p_t_test"] == unpaired.t_test(*samples, 0.95).p_value


def test_strata_without_a_common_cluster_are_unpaired_and_one_common_cluster_is_enough():
    n_truth = np.arange(16) < 8
    first, second = make_sums(VALUES * n_truth, n_truth), make_sums(VALUES * ~n_truth, ~n_truth)
    assert not subtract(first, second).is_paired
    overlapping = np.arange(16) >= 7
    assert subtract(first, make_sums(VALUES * overlapping, overlapping)).is_paired


def test_an_interval_of_few_unpaired_clusters_contains_that_of_welch():
    first, second = make_sums(VALUES[:6]), make_sums(VALUES[6:11])
    row = describe(subtract(first, second, is_one_dataset=False))
    difference = VALUES[:6].mean() - VALUES[6:11].mean()
    error, dof = unpaired.welch_error(VALUES[:6], VALUES[6:11])
    assert row["difference"] == pytest.approx(difference) and 4 < dof < 9
    assert row["ci_low"] <= difference - 2.26 * error and row["ci_high"] >= difference + 2.26 * error


def test_metrics_of_steps_have_an_unpaired_difference_without_tests():
    first, second = (make_sums(values, has_steps=True) for values in (VALUES, VALUES**2))
    row = describe(subtract(first, second, is_one_dataset=False, margin=0.1))
    assert row["difference"] > 0 and "p_value" not in row


def test_metrics_of_steps_have_no_test_of_equivalence():
    first, second = (make_sums(values, has_steps=True) for values in (VALUES, VALUES**2))
    row = describe(subtract(first, second, margin=0.1))
    assert row["p_value"] is not None and row["p_equivalence"] is None


@pytest.mark.parametrize(
    ("n_carrying", "fields", "n_tests"),
    [
        (11, {"is_one_stratum": False}, 0),
        (12, {"is_one_stratum": False}, 1),
        (11, {"is_one_stratum": True}, 1),  # two cells whose values some images do not carry
        (16, {"is_one_stratum": False}, 1),
    ],
)
def test_strata_that_few_clusters_carry_have_an_interval_and_an_effect_size_but_no_test(n_carrying, fields, n_tests):
    carries = np.arange(16) < n_carrying
    row = describe(subtract(make_sums(VALUES), make_sums(VALUES**2 * carries, carries), margin=0.1, **fields))
    assert row["ci_low"] < row["difference"] < row["ci_high"] and row["effect_size"] is not None
    tests = [row.get(name) is not None for name in ("p_value", "p_equivalence", "p_t_test")]
    assert tests == [bool(n_tests)] * 3
    assert (row["warning"] or "") == ("" if n_tests else "no test: 11 images carry one of the values (at least 12)")


@pytest.mark.parametrize(("sizes", "n_tests"), [((11, 16), 0), ((12, 16), 1), ((16, 11), 0)])
def test_two_data_sets_of_few_clusters_have_no_test(sizes, n_tests):
    first, second = (make_sums(VALUES[:size]) for size in sizes)
    row = describe(subtract(first, second, is_one_dataset=False))
    assert (row.get("p_value") is not None) == bool(n_tests) and row["effect_size"] is not None
    assert ("no test: 11 images" in (row["warning"] or "")) == (not n_tests)
    assert row["ci_low"] is not None
