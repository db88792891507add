"""Estimates: every metric of every experiment with its confidence interval, the rows of table `estimates`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from samgap.metrics import load_metric
from samgap.statistics import bootstrap
from samgap.statistics.clusters import Clustering, assign_clusters
from samgap.statistics.intervals import Interval, compute_interval
from samgap.statistics.strata import STRATUM_ALL, Cell
from samgap.statistics.sums import LabelCoverage, Resampleable, summarize_metric

UNDEFINED_NOTE = "not evaluable: the value is undefined, as its denominator is 0"

CellKey = tuple[str, str, str]
"""Data set, model, prompt set."""
Row = dict[str, Any]
"""A row of a table, by column."""


def compute_estimates(
    read_cell: Callable[[CellKey], Cell],
    images_by_dataset: Mapping[str, pd.DataFrame],
    experiments: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[Row]:
    """Yield the rows of table `estimates`, in the order of the experiments in the configuration.

    A value depends only on its cell, stratum and metric, the data set's images and the seed, so experiments that share
    a cell share its values.

    Args:
        read_cell: Reads a cell. Each cell is read once, and released before the next one is read.
        images_by_dataset: Tables `images`.
        experiments: Section `experiments` of the configuration.
        settings: Section `statistics` of the configuration: `resamples` and `confidence`.
        seed: Seed of the resamples.
    """
    requests = [(name, key, metric) for name, entry in experiments.items() for key, metric in list_cell_metrics(entry)]
    metrics_by_cell: dict[CellKey, list[str]] = {}
    for _, key, metric in requests:
        metrics = metrics_by_cell.setdefault(key, [])
        if metric not in metrics:
            metrics.append(metric)
    datasets = sorted({dataset for dataset, _, _ in metrics_by_cell})
    clusterings = {dataset: assign_clusters(images_by_dataset[dataset]) for dataset in datasets}
    rows_by_metric: dict[tuple[CellKey, str], list[Row]] = {}
    for key, metrics in metrics_by_cell.items():
        for metric, rows in _estimate_cell(key, read_cell(key), metrics, clusterings[key[0]], settings, seed):
            rows_by_metric[key, metric] = rows
    for name, key, metric in requests:
        ids = dict(zip(("dataset", "model", "prompts"), key, strict=True))
        for row in rows_by_metric[key, metric]:
            yield {"experiment": name, **ids, "metric": metric, **row}


def list_cell_metrics(experiment: Mapping[str, Any]) -> Iterator[tuple[CellKey, str]]:
    """Yield each cell of an experiment with each of its metrics."""
    for dataset in experiment["datasets"]:
        for model in experiment["models"]:
            for prompts in experiment["prompts"]:
                for metric in experiment["metrics"]:
                    yield (dataset, model, prompts), metric


def _estimate_cell(
    key: CellKey,
    cell: Cell,
    metrics: list[str],
    clustering: Clustering,
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[tuple[str, list[Row]]]:
    """Yield the rows of each metric of a cell. All metrics and strata are resampled together."""
    summaries = {
        (metric, stratum): summary
        for metric in metrics
        for stratum, summary in _summarize_strata(cell, metric, clustering)
    }
    resampleables = {id: summary for id, summary in summaries.items() if not isinstance(summary, str)}
    resampled = bootstrap.resample(list(resampleables.values()), seed, key[0], settings["resamples"])
    values_by_id = dict(zip(resampleables, resampled, strict=True))
    for metric in metrics:
        rows = []
        for (name, stratum), summary in summaries.items():
            if name != metric:
                continue
            if isinstance(summary, str):
                rows.append(_make_row(stratum, clustering, note=summary))
            else:
                values = values_by_id[name, stratum]
                rows.append(_estimate_stratum(stratum, clustering, summary, values, settings["confidence"]))
        yield metric, rows


def _summarize_strata(cell: Cell, metric: str, clustering: Clustering) -> Iterator[tuple[str, Resampleable | str]]:
    if cell.skip_reason:
        yield STRATUM_ALL, f"skipped: {cell.skip_reason}"
        return
    for stratum, pairs in cell.iter_strata(load_metric(metric)):
        yield stratum, summarize_metric(metric, pairs, clustering, cell.exhaustive)


def _estimate_stratum(
    stratum: str, clustering: Clustering, resampleable: Resampleable, values: np.ndarray, confidence: float
) -> Row:
    sizes = ("n_images", "n_images_total", "n_instances", "n_clusters", "n_clusters_total")
    counts = {name: getattr(resampleable, name) for name in sizes}
    value = bootstrap.point_estimate(resampleable)
    if np.isnan(value):
        return _make_row(stratum, clustering, note=UNDEFINED_NOTE, **counts)
    interval = compute_interval(values, [resampleable], [clustering], confidence)
    columns = {"value": value, **interval_columns(interval, resampleable.n_lost)}
    return _make_row(stratum, clustering, **columns, **counts, **asdict(resampleable.coverage))


def interval_columns(interval: Interval, n_lost: int, n_images_left_out: int = 0) -> Row:
    """Return the columns of an interval; the warning gives the reason for a missing one, and the lost labels."""
    texts = filter(None, [interval.reason, describe_lost_labels(n_lost, n_images_left_out)])
    return {
        "ci_low": interval.low,
        "ci_high": interval.high,
        "undefined_resamples": interval.undefined_resamples,
        "warning": "; ".join(texts) or None,
    }


def describe_lost_labels(n_lost: int, n_images_left_out: int = 0) -> str | None:
    """Return a warning that states what does not count because of lost labels; None if all counts.

    Args:
        n_lost: Number of image-phrase pairs that do not count.
        n_images_left_out: Number of images that both values of a difference leave out, as one of them has to.
    """
    texts = []
    if n_images_left_out:
        images = f"{n_images_left_out} image{'' if n_images_left_out == 1 else 's'}"
        texts.append(f"both values without {images}, of which one prompt set lost labels")
    if n_lost:
        texts.append(f"without {n_lost} image-phrase pair{'' if n_lost == 1 else 's'}, of which labels were lost")
    return "; ".join(texts) or None


def _make_row(stratum: str, clustering: Clustering, **columns: Any) -> Row:
    empty = dict.fromkeys(("value", "ci_low", "ci_high", "undefined_resamples", "warning", "note"))
    counts = dict.fromkeys(("n_images", "n_images_total", "n_instances", "n_clusters", "n_clusters_total"), 0)
    return {"stratum": stratum, **empty, **counts, "clusters": clustering.kind, **asdict(LabelCoverage()), **columns}
