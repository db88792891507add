"""Every metric of every experiment with its confidence interval: the rows of table `estimates`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from samgap.metrics import load
from samgap.statistics import bootstrap

WHOLE = "all"
UNDEFINED = "not evaluable: the value is undefined, as its denominator is 0"

Key = tuple[str, str, str]
"""A cell: data set, model, prompt set."""


@dataclass(frozen=True)
class Cell:
    """The pairs (table `pairs`) of all shards of a cell, or why it was skipped."""

    pairs: pd.DataFrame
    skipped: str | None = None


def estimates(
    cells: Mapping[Key, Cell],
    experiments: Mapping[str, Mapping[str, Any]],
    statistics: Mapping[str, Any],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of table `estimates`, experiment by experiment as the config lists them.

    Each metric stands for the whole cell (stratum `all`) and, where the prompts are phrases and the metric means
    anything for one, for each phrase. `statistics` gives `resamples` and `confidence`. A number depends on its
    cell, stratum, metric and `seed` alone: experiments that share a cell show the same.
    """
    known: dict[tuple[Key, str], list[dict[str, Any]]] = {}
    for name, experiment in experiments.items():
        for dataset in experiment["datasets"]:
            for model in experiment["models"]:
                for prompts in experiment["prompts"]:
                    key = (dataset, model, prompts)
                    names = dict(zip(("dataset", "model", "prompts"), key, strict=True))
                    for metric in experiment["metrics"]:
                        if (key, metric) not in known:
                            known[key, metric] = list(_strata(key, cells[key], metric, statistics, seed))
                        for row in known[key, metric]:
                            yield {"experiment": name, **names, "metric": metric, **row}


def _strata(key: Key, cell: Cell, metric: str, statistics: Mapping[str, Any], seed: int) -> Iterator[dict[str, Any]]:
    if cell.skipped:
        yield _row(WHOLE, note=f"skipped: {cell.skipped}")
        return
    strata = {WHOLE: cell.pairs}
    if load(metric).BY_PHRASE:
        strata |= {str(phrase): pairs for phrase, pairs in cell.pairs.groupby("phrase", sort=True)}
    for stratum, pairs in strata.items():
        random = bootstrap.generator(seed, *key, stratum)
        yield _estimate(stratum, pairs, metric, statistics, random)


def _estimate(
    stratum: str, pairs: pd.DataFrame, metric: str, statistics: Mapping[str, Any], random: np.random.Generator
) -> dict[str, Any]:
    module = load(metric)
    reason = module.applies(pairs)
    if reason:
        return _row(stratum, note=reason)
    pairs = pairs[module.rests_on(pairs)]
    value, low, high = bootstrap.interval(
        module.terms(pairs),
        pairs["image_id"].to_numpy(),
        module.value,
        resamples=statistics["resamples"],
        confidence=statistics["confidence"],
        random=random,
    )
    counts = {"n_images": pairs["image_id"].nunique(), "n_instances": int(pairs["n_truth"].sum())}
    if np.isnan(value):
        return _row(stratum, note=UNDEFINED, **counts)
    return _row(stratum, value=value, ci_low=low, ci_high=high, **counts)


def _row(stratum: str, **known: Any) -> dict[str, Any]:
    blank = {"value": None, "ci_low": None, "ci_high": None, "n_images": 0, "n_instances": 0, "note": None}
    return {"stratum": stratum, **blank, **known}
