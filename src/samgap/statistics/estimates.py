"""Every metric of every experiment with its confidence interval: the rows of table `estimates`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from samgap.metrics import load_metric
from samgap.statistics import bootstrap
from samgap.statistics.clusters import Clustering, assign_clusters
from samgap.statistics.strata import STRATUM_ALL, Cell
from samgap.statistics.sums import Resampleable, summarize_metric

UNDEFINED_NOTE = "not evaluable: the value is undefined, as its denominator is 0"

CellKey = tuple[str, str, str]
"""A cell: data set, model, prompt set."""


def compute_estimates(
    read_cell: Callable[[CellKey], Cell],
    images_by_dataset: Mapping[str, pd.DataFrame],
    experiments: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of table `estimates`, experiment by experiment as the config lists them.

    `cell` reads a cell, which is let go before the next; `images` are the tables `images` by data set. Each metric
    stands for the whole cell (stratum `all`) and for its strata. `statistics` gives `resamples` and `confidence`.
    A number depends on its cell, stratum and metric, the data set's images and `seed` alone: experiments that share
    a cell show the same.
    """
    wanted: dict[CellKey, list[str]] = {}
    asked = [(name, key, metric) for name, entry in experiments.items() for key, metric in list_cell_metrics(entry)]
    for _, key, metric in asked:
        metrics = wanted.setdefault(key, [])
        if metric not in metrics:
            metrics.append(metric)
    drawn = {dataset: assign_clusters(images_by_dataset[dataset]) for dataset in sorted({key[0] for key in wanted})}
    known: dict[tuple[CellKey, str], list[dict[str, Any]]] = {}
    for key, metrics in wanted.items():
        known |= {
            (key, name): rows for name, rows in _estimate_cell(key, read_cell(key), metrics, drawn, settings, seed)
        }
    for name, key, metric in asked:
        names = dict(zip(("dataset", "model", "prompts"), key, strict=True))
        for row in known[key, metric]:
            yield {"experiment": name, **names, "metric": metric, **row}


def list_cell_metrics(experiment: Mapping[str, Any]) -> Iterator[tuple[CellKey, str]]:
    """The cells of an experiment, each with each of its metrics."""
    for dataset in experiment["datasets"]:
        for model in experiment["models"]:
            for prompts in experiment["prompts"]:
                for metric in experiment["metrics"]:
                    yield (dataset, model, prompts), metric


def _estimate_cell(
    key: CellKey,
    cell: Cell,
    metrics: list[str],
    clusterings: Mapping[str, Clustering],
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The rows of each metric of one cell: all its strata are resampled together."""
    groups = clusterings[key[0]]
    found = {(metric, stratum): sums for metric in metrics for stratum, sums in _summarize_strata(cell, metric, groups)}
    parts = {at: sums for at, sums in found.items() if not isinstance(sums, str)}
    resampled = bootstrap.resample(list(parts.values()), seed, key[0], settings["resamples"])
    values = dict(zip(parts, resampled, strict=True))
    for metric in metrics:
        yield (
            metric,
            [
                _make_row(stratum, groups, note=sums)
                if isinstance(sums, str)
                else _estimate_stratum(stratum, groups, sums, values[name, stratum], settings["confidence"])
                for (name, stratum), sums in found.items()
                if name == metric
            ],
        )


def _summarize_strata(cell: Cell, metric: str, clustering: Clustering) -> Iterator[tuple[str, Resampleable | str]]:
    if cell.skip_reason:
        yield STRATUM_ALL, f"skipped: {cell.skip_reason}"
        return
    for stratum, pairs in cell.iter_strata(load_metric(metric)):
        yield stratum, summarize_metric(metric, pairs, clustering)


def _estimate_stratum(
    stratum: str, clustering: Clustering, resampleable: Resampleable, values: np.ndarray, confidence: float
) -> dict[str, Any]:
    counts = {
        "n_images": resampleable.n_images,
        "n_instances": resampleable.n_instances,
        "n_clusters": resampleable.n_clusters,
    }
    value = bootstrap.point_estimate(resampleable)
    if np.isnan(value):
        return _make_row(stratum, clustering, note=UNDEFINED_NOTE, **counts)
    low, high, warning = interval_with_warning(values, resampleable.n_clusters, clustering, confidence)
    return _make_row(stratum, clustering, value=value, ci_low=low, ci_high=high, warning=warning, **counts)


def interval_with_warning(
    values: np.ndarray, n_clusters: int, clustering: Clustering, confidence: float
) -> tuple[float | None, float | None, str | None]:
    """Both ends of the interval, and what a reader must be warned of. One cluster alone gives no interval."""
    if n_clusters < 2:
        return None, None, f"rests on one {clustering.kind} alone, which tells nothing of the spread: no interval"
    return *bootstrap.percentile_interval(values, n_clusters, confidence), clustering.warning


def _make_row(stratum: str, clustering: Clustering, **columns: Any) -> dict[str, Any]:
    blank = {"value": None, "ci_low": None, "ci_high": None, "n_images": 0, "n_instances": 0, "n_clusters": 0}
    return {"stratum": stratum, **blank, "clusters": clustering.kind, "warning": None, "note": None, **columns}
