"""Rank correlations of prompt sets between two models: does what prompts one best prompt the other best?

Spearman's coefficient of the values of a metric over the prompt sets that both models have, with equal ranks for equal
values. The prompt sets are those of the configuration and no sample, so the interval is one over images (or groups):
all values are resampled together.

The coefficient jumps where two prompt sets change places. Resamples order prompt sets of nearly equal values at random,
which biases it towards 0, and no interval of it covers the true value then. There is one only if the resamples
reproduce the order of each model: docs/reference/statistics.md has the simulated coverage.

Source: Spearman (1904); Efron & Tibshirani (1993).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from samgap.statistics import bootstrap
from samgap.statistics.clusters import Clustering, assign_clusters
from samgap.statistics.estimates import CellKey, Row
from samgap.statistics.intervals import MAX_UNDEFINED_RESAMPLES, correct_bias, missing_inference_reason
from samgap.statistics.strata import Cell
from samgap.statistics.sums import Resampleable, summarize_metric

MIN_PROMPT_SETS = 4
"""With fewer prompt sets there is no coefficient: three have only four different ones."""
MIN_STABILITY = 0.9
"""With a lower stability of the order there is no interval."""

Summary = Resampleable | str
"""A value for resampling, or the reason why there is none."""


def compute_rank_correlations(
    read_cell: Callable[[CellKey], Cell],
    images_by_dataset: Mapping[str, pd.DataFrame],
    declared: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[Row]:
    """Yield the rows of table `rank_correlations`, in the order of the declared correlations.

    Args:
        read_cell: Reads a cell.
        images_by_dataset: Tables `images`.
        declared: Correlations as `samgap.config.rank_correlations.expand_rank_correlations` returns them.
        settings: Section `statistics` of the configuration: `resamples` and `confidence`.
        seed: Seed of the resamples, which are those of the table `estimates`.
    """
    for each in declared:
        clustering = assign_clusters(images_by_dataset[each["dataset"]])
        models = each["model"], each["other_model"]
        summaries: dict[str, tuple[Summary, ...]] = {
            prompts: tuple(
                _summarize(read_cell((each["dataset"], model, prompts)), each["metric"], clustering) for model in models
            )
            for prompts in each["prompts"]
        }
        yield _correlate(each, summaries, clustering, settings, seed)


def _summarize(cell: Cell, metric: str, clustering: Clustering) -> Summary:
    if cell.skip_reason:
        return f"skipped: {cell.skip_reason}"
    return summarize_metric(metric, cell.pairs, clustering, cell.exhaustive)


def _correlate(
    declared: Mapping[str, Any],
    summaries: Mapping[str, tuple[Summary, ...]],
    clustering: Clustering,
    settings: Mapping[str, Any],
    seed: int,
) -> Row:
    """Return a row. Prompt sets without a value of one model are left out."""
    sides: dict[str, list[Resampleable]] = {}
    points: list[list[float]] = []
    for prompts, pair in summaries.items():
        known = [side for side in pair if not isinstance(side, str)]
        values = [bootstrap.point_estimate(side) for side in known]
        if len(known) == len(pair) and not np.isnan(values).any():
            sides[prompts] = known
            points.append(values)
    keys = {name: declared[name] for name in ("correlation", "dataset", "model", "other_model", "metric")}
    row: Row = {**keys, "prompts": list(sides), "n_prompts": len(sides)}
    row |= dict.fromkeys(("value", "ci_low", "ci_high", "stability", "undefined_resamples", "warning", "note"))
    flat = [side for pair in sides.values() for side in pair]
    row |= {
        "clusters": clustering.kind,
        "n_clusters": min((side.n_clusters for side in flat), default=0),
        "n_clusters_total": max((side.n_clusters_total for side in flat), default=0),
    }
    if len(sides) < MIN_PROMPT_SETS:
        return {**row, "note": _explain_few(summaries, len(sides))}
    observed = np.array(points)
    value = float(spearman(observed[:, :1], observed[:, 1:])[0])
    if np.isnan(value):
        return {**row, "note": "not evaluable: all prompt sets of a model have the same value"}
    resampled = bootstrap.resample(flat, seed, declared["dataset"], settings["resamples"])
    draws = np.array(resampled).reshape(len(sides), 2, -1)
    interval = _compute_interval(value, observed, draws, flat, clustering, settings["confidence"])
    lost = max(side.n_lost for side in flat)
    warning = f"{lost} image-phrase pairs of which labels were lost do not count" if lost else None
    interval["warning"] = "; ".join(text for text in (interval["warning"], warning) if text) or None
    return {**row, "value": value, **interval}


def _explain_few(summaries: Mapping[str, tuple[Summary, ...]], n_known: int) -> str:
    """Return the note of too few prompt sets; a skipped cell has priority."""
    reasons = [side for pair in summaries.values() for side in pair if isinstance(side, str)]
    skipped = next((reason for reason in reasons if reason.startswith("skipped")), None)
    sets = "1 prompt set has" if n_known == 1 else f"{n_known} prompt sets have"
    return skipped or f"not evaluable: {sets} a value of both models (at least {MIN_PROMPT_SETS})"


def _compute_interval(
    value: float,
    observed: np.ndarray,
    draws: np.ndarray,
    sides: Sequence[Resampleable],
    clustering: Clustering,
    confidence: float,
) -> Row:
    """Return the columns of the interval: the union of the percentile interval and of two with its bias corrected.

    Args:
        value: The coefficient.
        observed: Values of both models, float64 (prompt sets, 2).
        draws: The same in each resample, float64 (prompt sets, 2, resamples).
        sides: All values.
        clustering: The clusters of their data set.
        confidence: Confidence level, such as 0.95.
    """
    coefficients = spearman(draws[:, 0], draws[:, 1])
    is_undefined = np.isnan(coefficients)
    stability = measure_stability(observed, draws)
    columns = {"ci_low": None, "ci_high": None, "stability": stability}
    columns["undefined_resamples"] = float(is_undefined.mean())
    reason = missing_inference_reason(sides, [clustering] * len(sides))
    if reason is None and is_undefined.mean() > MAX_UNDEFINED_RESAMPLES:
        reason = f"no interval: the value is undefined in {100 * is_undefined.mean():.0f} % of the resamples"
    if reason is None and stability is not None and stability < MIN_STABILITY:
        reason = (
            f"no interval: these {clustering.kind}s do not determine the order of the prompt sets (stability "
            f"{stability:.2f}; at least {MIN_STABILITY:g})"
        )
    if reason:
        return {**columns, "warning": reason}
    coefficients = coefficients[~is_undefined]
    n_clusters = min(side.n_clusters for side in sides)
    low, high = bootstrap.percentile_interval(coefficients, n_clusters, confidence)
    assert low is not None and high is not None
    ends = np.array([(low, high), *correct_bias(low, high, value, float(coefficients.mean()))])
    ends = np.clip(ends, -1, 1)
    return {**columns, "ci_low": float(ends[:, 0].min()), "ci_high": float(ends[:, 1].max()), "warning": None}


def spearman(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute Spearman's coefficient of each column, float64 (R,), of values (N, R); NaN if one side is constant."""
    ranks = [stats.rankdata(np.round(values, 12), axis=0) for values in (first, second)]
    a, b = (each - each.mean(axis=0) for each in ranks)
    with np.errstate(invalid="ignore", divide="ignore"):
        coefficients = (a * b).sum(axis=0) / np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
    is_undefined = np.isnan(first).any(axis=0) | np.isnan(second).any(axis=0)
    return np.where(is_undefined, np.nan, coefficients)


def measure_stability(observed: np.ndarray, draws: np.ndarray) -> float | None:
    """Return the mean rank correlation of resamples with the sample, the lower of both models; None if undefined."""
    n_resamples = draws.shape[2]
    means = []
    for model in range(2):
        sample = np.repeat(observed[:, model : model + 1], n_resamples, axis=1)
        coefficients = spearman(draws[:, model], sample)
        coefficients = coefficients[~np.isnan(coefficients)]
        if not len(coefficients):
            return None
        means.append(float(coefficients.mean()))
    return min(means)
