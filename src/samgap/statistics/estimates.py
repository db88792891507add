"""Every metric of every experiment with its confidence interval: the rows of table `estimates`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from samgap.metrics import load
from samgap.statistics import bootstrap
from samgap.statistics.clusters import Clusters, clusters
from samgap.statistics.strata import WHOLE, Cell
from samgap.statistics.sums import Part, summed

UNDEFINED = "not evaluable: the value is undefined, as its denominator is 0"

Key = tuple[str, str, str]
"""A cell: data set, model, prompt set."""


def estimates(
    cell: Callable[[Key], Cell],
    images: Mapping[str, pd.DataFrame],
    experiments: Mapping[str, Mapping[str, Any]],
    statistics: Mapping[str, Any],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of table `estimates`, experiment by experiment as the config lists them.

    `cell` reads a cell, which is let go before the next; `images` are the tables `images` by data set. Each metric
    stands for the whole cell (stratum `all`) and for its strata. `statistics` gives `resamples` and `confidence`.
    A number depends on its cell, stratum and metric, the data set's images and `seed` alone: experiments that share
    a cell show the same.
    """
    wanted: dict[Key, list[str]] = {}
    asked = [(name, key, metric) for name, entry in experiments.items() for key, metric in asked_of(entry)]
    for _, key, metric in asked:
        metrics = wanted.setdefault(key, [])
        if metric not in metrics:
            metrics.append(metric)
    drawn = {dataset: clusters(images[dataset]) for dataset in sorted({key[0] for key in wanted})}
    known: dict[tuple[Key, str], list[dict[str, Any]]] = {}
    for key, metrics in wanted.items():
        known |= {(key, name): rows for name, rows in _of_cell(key, cell(key), metrics, drawn, statistics, seed)}
    for name, key, metric in asked:
        names = dict(zip(("dataset", "model", "prompts"), key, strict=True))
        for row in known[key, metric]:
            yield {"experiment": name, **names, "metric": metric, **row}


def asked_of(experiment: Mapping[str, Any]) -> Iterator[tuple[Key, str]]:
    """The cells of an experiment, each with each of its metrics."""
    for dataset in experiment["datasets"]:
        for model in experiment["models"]:
            for prompts in experiment["prompts"]:
                for metric in experiment["metrics"]:
                    yield (dataset, model, prompts), metric


def _of_cell(
    key: Key,
    cell: Cell,
    metrics: list[str],
    drawn: Mapping[str, Clusters],
    statistics: Mapping[str, Any],
    seed: int,
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of each metric of one cell: all its strata are resampled together."""
    groups = drawn[key[0]]
    found = {(metric, stratum): sums for metric in metrics for stratum, sums in _strata(cell, metric, groups)}
    parts = {at: sums for at, sums in found.items() if not isinstance(sums, str)}
    resampled = bootstrap.resampled(list(parts.values()), seed, key[0], statistics["resamples"])
    values = dict(zip(parts, resampled, strict=True))
    for metric in metrics:
        yield (
            metric,
            [
                _row(stratum, groups, note=sums)
                if isinstance(sums, str)
                else _estimate(stratum, groups, sums, values[name, stratum], statistics["confidence"])
                for (name, stratum), sums in found.items()
                if name == metric
            ],
        )


def _strata(cell: Cell, metric: str, groups: Clusters) -> Iterator[tuple[str, Part | str]]:
    if cell.skipped:
        yield WHOLE, f"skipped: {cell.skipped}"
        return
    for stratum, pairs in cell.strata(load(metric)):
        yield stratum, summed(metric, pairs, groups)


def _estimate(stratum: str, groups: Clusters, sums: Part, values: np.ndarray, confidence: float) -> dict[str, Any]:
    counts = {"n_images": sums.n_images, "n_instances": sums.n_instances, "n_clusters": sums.n_clusters}
    value = bootstrap.whole(sums)
    if np.isnan(value):
        return _row(stratum, groups, note=UNDEFINED, **counts)
    low, high, warning = interval(values, sums.n_clusters, groups, confidence)
    return _row(stratum, groups, value=value, ci_low=low, ci_high=high, warning=warning, **counts)


def interval(
    values: np.ndarray, n_clusters: int, groups: Clusters, confidence: float
) -> tuple[float | None, float | None, str | None]:
    """Both ends of the interval, and what a reader must be warned of. One cluster alone gives no interval."""
    if n_clusters < 2:
        return None, None, f"rests on one {groups.kind} alone, which tells nothing of the spread: no interval"
    return *bootstrap.interval(values, n_clusters, confidence), groups.warning


def _row(stratum: str, groups: Clusters, **known: Any) -> dict[str, Any]:
    blank = {"value": None, "ci_low": None, "ci_high": None, "n_images": 0, "n_instances": 0, "n_clusters": 0}
    return {"stratum": stratum, **blank, "clusters": groups.kind, "warning": None, "note": None, **known}
