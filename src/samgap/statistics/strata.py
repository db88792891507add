"""The parts of a cell that a metric is told for: the whole, and what phrases, images and instances have in common.

| stratum | its rows | for metrics that are |
|---|---|---|
| `all` | all | any |
| a phrase, as asked | those of the phrase | `BY_PHRASE` |
| `lighting: dusk`, … | those of images of that stratum of the data set | any |
| `area: small`, … | instances of that size (32², 96² px) | `BY_INSTANCE` |
| `occlusion: heavy`, … | instances labelled so | `BY_INSTANCE` |
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from samgap.metrics import MetricBase
from samgap.tables.matching import IOU_THRESHOLDS, PAIRS

STRATUM_ALL = "all"
AREA_UPPER_BOUNDS = {"small": 32.0**2, "medium": 96.0**2, "large": np.inf}
"""px; an instance is of the first size whose edge it stays below."""


@dataclass(frozen=True)
class Cell:
    """The tables `pairs` and `instances` of all shards of a cell, or why it was skipped."""

    pairs: pd.DataFrame
    instances: pd.DataFrame | None = None
    skip_reason: str | None = None

    def iter_strata(self, metric: MetricBase) -> Iterator[tuple[str, pd.DataFrame]]:
        """Each stratum that means anything for `metric`, by name, with its rows of table `pairs`."""
        yield STRATUM_ALL, self.pairs
        if metric.BY_PHRASE:
            yield from self._pairs_by_phrase.items()
        yield from self._pairs_by_image_label.items()
        if metric.BY_INSTANCE:
            yield from self._pairs_by_instance_label.items()

    @cached_property
    def _pairs_by_phrase(self) -> dict[str, pd.DataFrame]:
        return {str(phrase): pairs for phrase, pairs in self.pairs.groupby("phrase", sort=True)}

    @cached_property
    def _pairs_by_image_label(self) -> dict[str, pd.DataFrame]:
        labels = _rows_by_label(self.pairs["strata"])
        return {name: self.pairs.iloc[rows] for name, rows in labels.items()}

    @cached_property
    def _pairs_by_instance_label(self) -> dict[str, pd.DataFrame]:
        """Pairs as if just these instances had been asked for: what is summed over instances, summed over them."""
        if self.instances is None:
            return {}
        asked = self.instances[self.instances["truth_id"].notna()].reset_index(drop=True)
        size = np.searchsorted([*AREA_UPPER_BOUNDS.values()], asked["truth_area_px"].to_numpy(float), side="right")
        rows = {f"area: {name}": np.flatnonzero(size == number) for number, name in enumerate(AREA_UPPER_BOUNDS)}
        rows |= _rows_by_label(asked["attributes"])
        return {name: _restrict_pairs(asked.iloc[which], self.pairs) for name, which in rows.items() if len(which)}


def _rows_by_label(column: pd.Series) -> dict[str, np.ndarray]:
    """The rows of each `name: value` in a column of maps (lists of pairs; null where there is none), sorted."""
    found: dict[str, list[int]] = {}
    for row, labels in enumerate(column):
        for name, value in labels if labels is not None else ():
            found.setdefault(f"{name}: {value}", []).append(row)
    return {label: np.array(rows) for label, rows in sorted(found.items())}


def _restrict_pairs(instances: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """The rows of `pairs` whose prompts ask for any of `instances`, with sums over these in place of those over all.

    What is no sum over instances, as the masks that are false, stays that of the whole prompt.
    """
    by_prompt = instances.groupby("prompt_id", sort=False)
    pairs = pairs[pairs["prompt_id"].isin(by_prompt.groups)].copy()
    order = pairs["prompt_id"]
    for name in PAIRS.schema.names:
        measure = name.removeprefix("sum_")
        if name != measure and measure in instances:
            pairs[name] = order.map(by_prompt[measure].sum()).to_numpy(float)
    pairs["n_truth"] = order.map(by_prompt.size()).to_numpy()
    pairs["n_answered"] = order.map(by_prompt["prediction_id"].count()).to_numpy()
    for name, measure in (("tp", "iou"), ("box_tp", "box_iou")):
        hits = pd.DataFrame(instances[measure].to_numpy(float)[:, None] >= IOU_THRESHOLDS, columns=list(IOU_THRESHOLDS))
        hits = hits.groupby(instances["prompt_id"].to_numpy()).sum()
        pairs[name] = pd.Series(list(hits.loc[order].to_numpy()), index=pairs.index)
    return pairs
