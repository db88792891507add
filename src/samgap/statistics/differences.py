"""The difference of two values, with its interval and tests: of the same clusters (paired), or of different ones."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from samgap.statistics import attainable, bootstrap, equivalence, jackknife, paired, unpaired
from samgap.statistics.clusters import MIN_TESTED_CLUSTERS, Clustering
from samgap.statistics.estimates import UNDEFINED_NOTE, Row, describe_lost_labels, interval_columns
from samgap.statistics.intervals import compute_interval, missing_inference_reason
from samgap.statistics.permutation import permutation_p_value
from samgap.statistics.sums import LabelCoverage, Resampleable


@dataclass(frozen=True)
class Difference:
    """A candidate minus its baseline."""

    candidate: Resampleable
    baseline: Resampleable
    clusterings: tuple[Clustering, Clustering]
    """The clusters of their data sets."""
    is_one_dataset: bool
    draws: np.ndarray
    """The difference in each resample, float64 (resamples,)."""
    margin: float | None = None
    """The largest difference that does not matter, in the metric's unit."""
    n_left_out: int = 0
    """Number of images that both leave out, because labels of one of them were lost."""
    is_one_stratum: bool = True
    """Whether both values are of the same stratum, so that the same clusters can carry them."""

    @property
    def sides(self) -> list[Resampleable]:
        """Both values."""
        return [self.candidate, self.baseline]

    @cached_property
    def is_paired(self) -> bool:
        """Whether a cluster carries both values.

        Two data sets have no cluster in common, and two strata of images may have none.
        """
        return self.is_one_dataset and bool((self.candidate.has_data & self.baseline.has_data).any())

    @property
    def no_test_reason(self) -> str | None:
        """Why a difference that has an interval has no test; None if it has one."""
        has_same_clusters = self.is_paired and (
            self.is_one_stratum or np.array_equal(self.candidate.has_data, self.baseline.has_data)
        )
        fewest = min(range(2), key=lambda index: self.sides[index].n_clusters)
        n_clusters, kind = self.sides[fewest].n_clusters, self.clusterings[fewest].kind
        if has_same_clusters or n_clusters >= MIN_TESTED_CLUSTERS:
            return None
        return f"no test: {n_clusters} {kind}s carry one of the values (at least {MIN_TESTED_CLUSTERS})"

    @property
    def arrangements(self) -> attainable.Arrangements:
        """The arrangements of the clusters that the permutation test can use."""
        if self.is_paired:
            return attainable.Arrangements.of_swaps(int((self.candidate.has_data | self.baseline.has_data).sum()))
        return attainable.Arrangements.of_divisions(*(side.n_clusters for side in self.sides))

    def describe(self, settings: Mapping[str, Any], rng: np.random.Generator) -> Row:
        """Return the columns of the difference.

        Args:
            settings: Section `statistics` of the configuration: `resamples` and `confidence`.
            rng: Source of the permutations.
        """
        counts = {
            "pairing": "paired" if self.is_paired else "unpaired",
            "n_clusters": min(side.n_clusters for side in self.sides),
            "n_clusters_total": max(side.n_clusters_total for side in self.sides),
            "n_instances": self.candidate.n_instances,
            "baseline_n_instances": self.baseline.n_instances,
        }
        value, baseline_value = (bootstrap.point_estimate(side) for side in self.sides)
        if np.isnan(value) or np.isnan(baseline_value):
            return {**counts, "note": UNDEFINED_NOTE, "warning": describe_lost_labels(0, self.n_left_out)}
        interval = compute_interval(
            self.draws, self.sides, self.clusterings, settings["confidence"], is_paired=self.is_paired
        )
        columns = interval_columns(interval, max(side.n_lost for side in self.sides), self.n_left_out)
        if self.no_test_reason and not missing_inference_reason(self.sides, self.clusterings):
            columns["warning"] = "; ".join(filter(None, [self.no_test_reason, columns["warning"]]))
        return {
            **counts,
            "value": value,
            "baseline_value": baseline_value,
            "difference": value - baseline_value,
            **columns,
            **self._test(settings, rng),
            **join_coverage(self.candidate.coverage, self.baseline.coverage),
        }

    def _test(self, settings: Mapping[str, Any], rng: np.random.Generator) -> Row:
        """Return the columns of the tests; none if the values rest on too few clusters for an interval.

        Strata and data sets of few clusters have an effect size alone: their tests do not hold their level.
        Metrics of steps have no t-test, effect size and test of equivalence: their pseudo-values do not show their
        spread. Those of different clusters have no test at all, as the permutation test needs the pseudo-values, too.
        """
        if missing_inference_reason(self.sides, self.clusterings):
            return {}
        has_steps, p_equivalence = any(side.metric.has_steps for side in self.sides), None
        if self.is_paired:
            differences = jackknife.pseudo_values(*self.sides)
            t_test = paired.TTest() if has_steps else paired.t_test(differences, settings["confidence"])
            if self.no_test_reason:
                return _describe_effect(t_test)
            p_value = permutation_p_value(self.candidate, self.baseline, settings["resamples"], rng)
            if self.margin is not None and not has_steps:
                p_equivalence = equivalence.paired_p_value(differences, self.margin, settings["resamples"], rng)
        elif has_steps:
            return {}
        else:
            first, second = map(jackknife.pseudo_values, self.sides)
            t_test = unpaired.t_test(first, second, settings["confidence"])
            if self.no_test_reason:
                return _describe_effect(t_test)
            p_value = unpaired.permutation_p_value(first, second, settings["resamples"], rng)
            if self.margin is not None:
                p_equivalence = equivalence.unpaired_p_value(first, second, self.margin, settings["resamples"], rng)
        p_values = {"p_value": p_value, "p_equivalence": p_equivalence, "p_t_test": t_test.p_value}
        return {**p_values, **_describe_effect(t_test)}


def _describe_effect(t_test: paired.TTest) -> Row:
    """Return the columns of the effect size and of the detectable difference."""
    columns = asdict(t_test)
    del columns["p_value"]
    return columns


def join_coverage(candidate: LabelCoverage, baseline: LabelCoverage) -> Row:
    """Return the columns of what the labels do not cover; the distance is that of the candidate's data set."""
    return {
        **asdict(candidate),
        "baseline_lacks_labels": baseline.lacks_labels,
        "baseline_n_left_out": baseline.n_left_out,
    }
