"""Differences between cells of one data set, with intervals and tests: the rows of table `comparisons`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from samgap.statistics import bootstrap, paired
from samgap.statistics.clusters import Clusters, clusters
from samgap.statistics.estimates import UNDEFINED, Key, interval
from samgap.statistics.strata import WHOLE, Cell
from samgap.statistics.sums import Part, summed

NAMES = ("comparison", "dataset", "model", "prompts", "baseline_model", "baseline_prompts")
NUMBERS = (
    *("value", "baseline_value", "difference", "ci_low", "ci_high", "p_value", "p_holm", "p_bonferroni", "p_t_test"),
    *("effect_size", "effect_low", "effect_high", "minimum_detectable"),
)


def comparisons(
    cell: Callable[[Key], Cell],
    images: Mapping[str, pd.DataFrame],
    declared: Sequence[Mapping[str, Any]],
    statistics: Mapping[str, Any],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of table `comparisons`, in the order of `declared` (each with `NAMES` and `metrics`).

    A difference is the cell less its baseline. Its interval is of the same resamples as those of `estimates`, where
    both cells hold the same images. p-values are corrected within a comparison: over all its data sets, pairs of cells
    and metrics that have one.
    """
    rows: list[dict[str, Any]] = []
    for dataset in dict.fromkeys(pair["dataset"] for pair in declared):
        mine = [pair for pair in declared if pair["dataset"] == dataset]
        rows += _of_dataset(cell, clusters(images[dataset]), mine, statistics, seed)
    for name in dict.fromkeys(pair["comparison"] for pair in declared):
        family = [row for row in rows if row["comparison"] == name]
        _correct([row for row in family if row["p_value"] is not None])
        yield from family


def _of_dataset(
    cell: Callable[[Key], Cell],
    groups: Clusters,
    declared: Sequence[Mapping[str, Any]],
    statistics: Mapping[str, Any],
    seed: int,
) -> Iterator[dict[str, Any]]:
    found = _sums(cell, groups, declared)
    dataset = declared[0]["dataset"]
    parts = {at: sums for at, sums in found.items() if not isinstance(sums, str)}
    resampled = bootstrap.resampled(list(parts.values()), seed, dataset, statistics["resamples"])
    values = dict(zip(parts, resampled, strict=True))
    for pair in declared:
        names = {name: pair[name] for name in NAMES}
        for metric in pair["metrics"]:
            sides = [(*key, metric) for key in _sides(pair)]
            sums = [found[side] for side in sides]
            row = _blank(names, metric, groups)
            reasons = [
                _named(reason, side) for reason, side in zip(sums, sides, strict=True) if isinstance(reason, str)
            ]
            if reasons:
                # What was skipped outdoes what could not be told anyway.
                yield row | {"note": min(reasons, key=lambda reason: not reason.startswith("skipped"))}
            else:
                difference = values[sides[0]] - values[sides[1]]
                random = bootstrap.generator(seed, "swaps", dataset)
                yield row | _compared(parts[sides[0]], parts[sides[1]], difference, groups, statistics, random)


def _sides(pair: Mapping[str, Any]) -> tuple[Key, Key]:
    return (
        (pair["dataset"], pair["model"], pair["prompts"]),
        (pair["dataset"], pair["baseline_model"], pair["baseline_prompts"]),
    )


def _sums(
    cell: Callable[[Key], Cell], groups: Clusters, declared: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str, str, str], Part | str]:
    """The sums of every cell and metric that is compared, or why there are none; each cell is read once."""
    wanted: dict[Key, dict[str, None]] = {}
    for pair in declared:
        for key in _sides(pair):
            wanted.setdefault(key, {}).update(dict.fromkeys(pair["metrics"]))
    found: dict[tuple[str, str, str, str], Part | str] = {}
    for key, metrics in wanted.items():
        read = cell(key)
        for metric in metrics:
            found[*key, metric] = f"skipped: {read.skipped}" if read.skipped else summed(metric, read.pairs, groups)
    return found


def _named(reason: str, side: tuple[str, str, str, str]) -> str:
    return f"{reason} ({side[1]}, {side[2]})"


def _compared(
    first: Part,
    second: Part,
    differences: np.ndarray,
    groups: Clusters,
    statistics: Mapping[str, Any],
    random: np.random.Generator,
) -> dict[str, Any]:
    counts = {
        "n_clusters": int((first.holds | second.holds).sum()),
        "n_instances": first.n_instances,
        "baseline_n_instances": second.n_instances,
    }
    value, other = bootstrap.whole(first), bootstrap.whole(second)
    if np.isnan(value) or np.isnan(other):
        return {**counts, "note": UNDEFINED}
    low, high, warning = interval(differences, counts["n_clusters"], groups, statistics["confidence"])
    test = asdict(paired.t_test(paired.pseudo_values(first, second), statistics["confidence"]))
    return {
        **counts,
        **{"value": value, "baseline_value": other, "difference": value - other, "ci_low": low, "ci_high": high},
        "p_value": paired.permutation_p(first, second, statistics["resamples"], random),
        "p_t_test": test.pop("p_value"),
        **test,
        "warning": warning,
    }


def _correct(tested: list[dict[str, Any]]) -> None:
    """Put the corrected p-values, and how many tests they are corrected for, into the rows of one family."""
    p_values = [row["p_value"] for row in tested]
    corrected = zip(tested, paired.holm(p_values), paired.bonferroni(p_values), strict=True)
    for row, holm, bonferroni in corrected:
        row |= {"p_holm": holm, "p_bonferroni": bonferroni, "n_tests": len(tested)}


def _blank(names: Mapping[str, str], metric: str, groups: Clusters) -> dict[str, Any]:
    counts = dict.fromkeys(("n_tests", "n_clusters", "n_instances", "baseline_n_instances"), 0)
    words = {"clusters": groups.kind, "warning": None, "note": None}
    return {**names, "metric": metric, "stratum": WHOLE, **dict.fromkeys(NUMBERS), **counts, **words}
