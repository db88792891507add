"""Differences between cells of one data set, with intervals and tests: the rows of table `comparisons`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from samgap.statistics import bootstrap, paired
from samgap.statistics.clusters import Clustering, assign_clusters
from samgap.statistics.estimates import UNDEFINED_NOTE, CellKey, interval_with_warning
from samgap.statistics.strata import STRATUM_ALL, Cell
from samgap.statistics.sums import Resampleable, summarize_metric

KEY_COLUMNS = ("comparison", "dataset", "model", "prompts", "baseline_model", "baseline_prompts")
VALUE_COLUMNS = (
    *("value", "baseline_value", "difference", "ci_low", "ci_high", "p_value", "p_holm", "p_bonferroni", "p_t_test"),
    *("effect_size", "effect_low", "effect_high", "minimum_detectable"),
)


def compute_comparisons(
    read_cell: Callable[[CellKey], Cell],
    images_by_dataset: Mapping[str, pd.DataFrame],
    declared_pairs: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of table `comparisons`, in the order of `declared` (each with `NAMES` and `metrics`).

    A difference is the cell less its baseline. Its interval is of the same resamples as those of `estimates`, where
    both cells hold the same images. p-values are corrected within a comparison: over all its data sets, pairs of cells
    and metrics that have one.
    """
    rows: list[dict[str, Any]] = []
    for dataset in dict.fromkeys(pair["dataset"] for pair in declared_pairs):
        mine = [pair for pair in declared_pairs if pair["dataset"] == dataset]
        rows += _compare_dataset(read_cell, assign_clusters(images_by_dataset[dataset]), mine, settings, seed)
    for name in dict.fromkeys(pair["comparison"] for pair in declared_pairs):
        family = [row for row in rows if row["comparison"] == name]
        _correct_p_values([row for row in family if row["p_value"] is not None])
        yield from family


def _compare_dataset(
    read_cell: Callable[[CellKey], Cell],
    clustering: Clustering,
    declared_pairs: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[dict[str, Any]]:
    found = _summarize_cells(read_cell, clustering, declared_pairs)
    dataset = declared_pairs[0]["dataset"]
    parts = {at: sums for at, sums in found.items() if not isinstance(sums, str)}
    resampled = bootstrap.resample(list(parts.values()), seed, dataset, settings["resamples"])
    values = dict(zip(parts, resampled, strict=True))
    for pair in declared_pairs:
        names = {name: pair[name] for name in KEY_COLUMNS}
        for metric in pair["metrics"]:
            sides = [(*key, metric) for key in _cell_keys(pair)]
            sums = [found[side] for side in sides]
            row = _empty_row(names, metric, clustering)
            reasons = [
                _add_cell_to_reason(reason, side)
                for reason, side in zip(sums, sides, strict=True)
                if isinstance(reason, str)
            ]
            if reasons:
                # What was skipped outdoes what could not be told anyway.
                yield row | {"note": min(reasons, key=lambda reason: not reason.startswith("skipped"))}
            else:
                difference = values[sides[0]] - values[sides[1]]
                random = bootstrap.seeded_generator(seed, "swaps", dataset)
                yield row | _compare_pair(parts[sides[0]], parts[sides[1]], difference, clustering, settings, random)


def _cell_keys(pair: Mapping[str, Any]) -> tuple[CellKey, CellKey]:
    return (
        (pair["dataset"], pair["model"], pair["prompts"]),
        (pair["dataset"], pair["baseline_model"], pair["baseline_prompts"]),
    )


def _summarize_cells(
    read_cell: Callable[[CellKey], Cell], clustering: Clustering, declared_pairs: Sequence[Mapping[str, Any]]
) -> dict[tuple[str, str, str, str], Resampleable | str]:
    """The sums of every cell and metric that is compared, or why there are none; each cell is read once."""
    wanted: dict[CellKey, dict[str, None]] = {}
    for pair in declared_pairs:
        for key in _cell_keys(pair):
            wanted.setdefault(key, {}).update(dict.fromkeys(pair["metrics"]))
    found: dict[tuple[str, str, str, str], Resampleable | str] = {}
    for key, metrics in wanted.items():
        read = read_cell(key)
        for metric in metrics:
            found[*key, metric] = (
                f"skipped: {read.skip_reason}" if read.skip_reason else summarize_metric(metric, read.pairs, clustering)
            )
    return found


def _add_cell_to_reason(reason: str, cell_metric: tuple[str, str, str, str]) -> str:
    return f"{reason} ({cell_metric[1]}, {cell_metric[2]})"


def _compare_pair(
    first: Resampleable,
    second: Resampleable,
    differences: np.ndarray,
    clustering: Clustering,
    settings: Mapping[str, Any],
    rng: np.random.Generator,
) -> dict[str, Any]:
    counts = {
        "n_clusters": int((first.has_data | second.has_data).sum()),
        "n_instances": first.n_instances,
        "baseline_n_instances": second.n_instances,
    }
    value, other = bootstrap.point_estimate(first), bootstrap.point_estimate(second)
    if np.isnan(value) or np.isnan(other):
        return {**counts, "note": UNDEFINED_NOTE}
    low, high, warning = interval_with_warning(differences, counts["n_clusters"], clustering, settings["confidence"])
    test = asdict(paired.t_test(paired.pseudo_values(first, second), settings["confidence"]))
    return {
        **counts,
        **{"value": value, "baseline_value": other, "difference": value - other, "ci_low": low, "ci_high": high},
        "p_value": paired.permutation_p_value(first, second, settings["resamples"], rng),
        "p_t_test": test.pop("p_value"),
        **test,
        "warning": warning,
    }


def _correct_p_values(rows: list[dict[str, Any]]) -> None:
    """Put the corrected p-values, and how many tests they are corrected for, into the rows of one family."""
    p_values = [row["p_value"] for row in rows]
    corrected = zip(rows, paired.holm(p_values), paired.bonferroni(p_values), strict=True)
    for row, holm, bonferroni in corrected:
        row |= {"p_holm": holm, "p_bonferroni": bonferroni, "n_tests": len(rows)}


def _empty_row(keys: Mapping[str, str], metric: str, clustering: Clustering) -> dict[str, Any]:
    counts = dict.fromkeys(("n_tests", "n_clusters", "n_instances", "baseline_n_instances"), 0)
    words = {"clusters": clustering.kind, "warning": None, "note": None}
    return {**keys, "metric": metric, "stratum": STRATUM_ALL, **dict.fromkeys(VALUE_COLUMNS), **counts, **words}
