"""Intervals: the rules by hand, against SciPy, and the reasons for having none."""

import numpy as np
import pytest
from scipy import stats

from samgap.metrics import METRIC_REGISTRY, load_metric
from samgap.metrics.base import SumMetric
from samgap.statistics import bootstrap, jackknife
from samgap.statistics.clusters import Clustering, assign_clusters
from samgap.statistics.intervals import RARE_EVENTS, compute_interval, effective_clusters
from samgap.statistics.sums import summarize_metric
from tests.helpers.reference import ReferenceShard
from tests.helpers.sums import images_table, make_sums, random_results


def compute(*sides, kind="image", n_resamples=2000):
    draws = bootstrap.resample(sides, 0, "set", n_resamples)
    clustering = Clustering(kind, len(sides[0].has_data), None)
    return compute_interval(
        draws[0] if len(sides) == 1 else draws[0] - draws[1], sides, [clustering] * len(sides), 0.95
    )


def ends(interval):
    return interval.low, interval.high


def percentile_ends(sums):
    (draws,) = bootstrap.resample([sums], 0, "set", 2000)
    return bootstrap.percentile_interval(draws, sums.n_clusters, 0.95)


# --- values of clusters that do not differ


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("n", [4, 30])
def test_clusters_all_at_an_end_have_the_interval_of_clopper_and_pearson(value, n):
    expected = stats.binomtest(value * n, n).proportion_ci(0.95, "exact")
    assert ends(compute(make_sums(np.full(n, value)))) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_clusters_of_unequal_weight_count_as_fewer():
    # (1 + 1 + 1 + 3)^2 / (1 + 1 + 1 + 9) = 3
    perfect = make_sums([1, 1, 1, 3], [1, 1, 1, 3])
    assert effective_clusters(perfect) == 3
    assert ends(compute(perfect)) == pytest.approx((0.025 ** (1 / 3), 1.0))


def test_equal_clusters_between_the_ends_are_extended_to_both():
    share = 1 - 0.025 ** (1 / 10)
    assert ends(compute(make_sums(np.full(10, 0.4)))) == pytest.approx((0.4 * (1 - share), 0.4 + 0.6 * share))


def test_two_equal_cells_are_extended_to_both_sides():
    share = 1 - 0.025 ** (1 / 20)
    cell = make_sums(np.linspace(0.2, 0.7, 20))
    assert ends(compute(cell, cell)) == pytest.approx((-share, share))


@pytest.mark.parametrize("declared", [{"mean_weights": None}, {"value_range": (0.0, np.inf)}])
def test_equal_clusters_of_other_metrics_have_no_interval(declared):
    interval = compute(make_sums(np.full(6, 0.4), **declared))
    assert ends(interval) == (None, None)
    assert interval.reason == "no interval: the 6 images that carry the value do not differ"


# --- rare events


def test_a_rare_event_extends_the_interval_to_the_binomial_one():
    sums = make_sums(np.repeat([1.0, 0.0], [37, 3]))
    expected = stats.binomtest(37, 40).proportion_ci(0.95, "exact")
    low, high = percentile_ends(sums)
    assert ends(compute(sums)) == pytest.approx((min(low, expected.low), max(high, expected.high)), abs=1e-12)
    assert expected.low < low


def test_many_events_leave_the_percentile_interval():
    sums = make_sums(np.repeat([1.0, 0.0], [60, int(RARE_EVENTS) + 5]))
    assert ends(compute(sums)) == percentile_ends(sums)


def test_a_difference_of_rare_events_is_extended_as_by_newcombe():
    first, second = make_sums(np.repeat([1.0, 0.0], [39, 1])), make_sums(np.repeat([0.0, 1.0], [3, 37]))
    (value, a), (other, b) = (
        (k / 40, stats.binomtest(k, 40).proportion_ci(0.95, "exact")) for k in (39, 37)
    )  # fmt: skip
    below, above = np.hypot(value - a.low, b.high - other), np.hypot(a.high - value, other - b.low)
    draws = np.subtract(*bootstrap.resample([first, second], 0, "set", 2000))
    low, high = bootstrap.percentile_interval(draws, 40, 0.95)
    expected = min(low, value - other - below), max(high, value - other + above)
    assert ends(compute(first, second)) == pytest.approx(expected, abs=1e-12)
    assert expected[0] < low


# --- few clusters


@pytest.mark.parametrize("n", [4, 9, 10])
def test_few_clusters_extend_the_interval_to_the_t_interval(n):
    values = np.random.default_rng(n).uniform(0.4, 0.6, n)
    low, high = percentile_ends(make_sums(values))
    t = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    expected = (min(low, t.low), max(high, t.high)) if n < 10 else (low, high)
    assert ends(compute(make_sums(values))) == pytest.approx(expected, abs=1e-12)


def test_the_interval_stays_in_the_range_of_the_metric():
    interval = compute(make_sums([0.9, 1.0, 0.7, 1.0, 0.2]))
    assert interval.high == 1.0 and 0 <= interval.low < 0.5


# --- biased metrics


def test_the_interval_of_a_biased_metric_is_shifted_against_its_bias():
    def distance_from_half(statistics):
        return np.abs(statistics["sum"] / statistics["truth"] - 0.5)

    values = np.random.default_rng(1).normal(0.5, 0.1, 40)
    biased = make_sums(values, compute=distance_from_half, is_biased=True, mean_weights=None)
    (draws,) = bootstrap.resample([biased], 0, "set", 2000)
    low, high = percentile_ends(biased)
    value = abs(values.mean() - 0.5)
    bias = draws.mean() - value
    expected = min(low - 2 * bias, 2 * value - high), max(high - 2 * bias, 2 * value - low)
    assert bias > 0.1 * value
    pseudo_values = jackknife.pseudo_values(biased)
    t = stats.ttest_1samp(pseudo_values, 0).confidence_interval(0.95)
    expected = max(min(expected[0], t.low), 0.0), max(expected[1], t.high)
    assert ends(compute(biased)) == pytest.approx(expected, abs=1e-12)
    # SciPy's basic interval at the expanded level is one of the two; both are Monte Carlo.
    basic = stats.bootstrap(
        (values,), lambda x, axis: np.abs(x.mean(axis) - 0.5), method="basic", n_resamples=20_000,
        confidence_level=1 - 2 * bootstrap.tail_probability(40, 0.95), rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    assert (2 * value - high, 2 * value - low) == pytest.approx((basic.low, basic.high), abs=0.1 * (high - low))


# --- no interval


def test_too_few_clusters_have_no_interval():
    few = make_sums([0.2, 0.4, 0.5, 0, 0], [1, 1, 1, 0, 0])
    enough = make_sums([0.2, 0.4, 0.5, 0.3, 0], [1, 1, 1, 1, 0])
    assert compute(few).reason == "no interval: 3 of 5 images carry the value (at least 4)"
    assert compute(enough).reason is None
    # Of a difference, each value needs enough clusters.
    assert compute(enough, few).reason == "no interval: 3 of 5 images carry the value (at least 4)"


def test_too_few_groups_have_no_interval():
    interval = compute(make_sums([0.2, 0.4]), kind="group")
    assert ends(interval) == (None, None) and interval.undefined_resamples == 0
    assert interval.reason == "no interval: too few groups for an interval (2; at least 4)"


def test_a_value_that_is_often_undefined_has_no_interval():
    draws = np.random.default_rng(0).normal(0.5, 0.1, 1000)
    side, clustering = make_sums(np.linspace(0.2, 0.8, 9)), Clustering("image", 9, None)
    draws[:50] = np.nan
    interval = compute_interval(draws, [side], [clustering], 0.95)
    assert interval.low is not None and interval.undefined_resamples == 0.05
    draws[:60] = np.nan
    interval = compute_interval(draws, [side], [clustering], 0.95)
    assert ends(interval) == (None, None) and interval.undefined_resamples == 0.06
    assert interval.reason == "no interval: the value is undefined in 6 % of the resamples"


def test_a_metric_can_declare_that_it_has_no_interval():
    interval = compute(make_sums([0.2, 0.4, 0.6, 0.8, 0.1], no_interval="it is too biased"))
    assert ends(interval) == (None, None) and interval.reason == "no interval: it is too biased"
    metrics = {metric_id: load_metric(metric_id) for metric_id in METRIC_REGISTRY}
    always_1 = {"upstream-attribute-accuracy", "upstream-grounding-accuracy"}
    assert {id for id, metric in metrics.items() if metric.no_interval} == {"calibration", *always_1}
    biased = {id for id, metric in metrics.items() if metric.is_biased}
    assert {"prompt-sensitivity-sd", "prompt-sensitivity-worst", "map", "box-map-50"} <= biased
    assert all(id.startswith(("prompt-sensitivity-", "map", "box-map", "f1-sweep-best")) for id in biased)


@pytest.mark.parametrize("metric", ["il-mcc", "cgf1"])
def test_correlations_without_an_error_have_no_interval(metric):
    images = images_table(20)
    pairs = random_results(0, images)[0]
    n_truth = pairs["n_truth"].to_numpy()
    wrong = np.flatnonzero(n_truth == 0)[:3]
    reasons = []
    for n_errors in (0, 3):
        n_predicted = n_truth.copy()
        n_predicted[wrong[:n_errors]] = 1
        tp = n_truth[:, None] * np.ones(10, int)
        changed = pairs.assign(n_predicted=n_predicted, tp=list(tp))
        reasons.append(compute(summarize_metric(metric, changed, assign_clusters(images))).reason)
    expected = "no interval: the presence of each phrase is predicted correctly, so the rate of such errors is unknown"
    assert reasons == [expected, None]


def test_weights_of_every_mean_give_its_value():
    shard = ReferenceShard(1, n_images=8, with_extra_errors=True)
    pairs, clustering = shard.pairs, assign_clusters(shard.images)
    checked = set()
    for metric_id in METRIC_REGISTRY:
        metric = load_metric(metric_id)
        if not isinstance(metric, SumMetric) or metric.mean_weights is None or metric.not_evaluable_reason(pairs):
            continue
        summary = summarize_metric(metric_id, pairs, clustering)
        weights = summary.metric.mean_weights(summary.statistics)
        values = np.nan_to_num(summary.evaluate(summary.cluster_sums))
        value = bootstrap.point_estimate(summary)
        if not np.isnan(value):
            # pmF1 is such a mean but for its small constants.
            mean = ((weights * values).sum() + _sum_undivided_numerators(summary, weights)) / weights.sum()
            assert mean == pytest.approx(value, abs=2e-4), metric_id
            checked.add(metric_id)
    assert {"iou", "precision", "f1-50", "pmf1", "presence-accuracy"} <= checked


def _sum_undivided_numerators(summary, weights):
    """Return the numerators of clusters with the denominator 0, such as count errors of absent phrases."""
    numerators = summary.statistics.get("numerator")
    return 0 if numerators is None else numerators[weights == 0].sum()


def test_clusters_that_carry_no_value_change_neither_value_nor_jackknife():
    full = make_sums([0.2, 0.4, 0.9, 0.5], [1, 2, 1, 1])
    padded = make_sums([0.2, 0.4, 0.9, 0.5, 0, 0], [1, 2, 1, 1, 0, 0])
    assert (padded.n_clusters, padded.n_clusters_total) == (4, 6)
    assert jackknife.pseudo_values(padded) == pytest.approx(jackknife.pseudo_values(full))
