"""Cells and their strata: subsets of table `pairs` with separate estimates.

| stratum | rows | for metrics with |
|---|---|---|
| `all` | all | – |
| a phrase | rows of the phrase | `by_phrase` |
| `lighting: dusk`, … | rows of images with this stratum in the data set | – |
| `level: simple`, … | phrases with this level of an instruction | – |
| `phrase: noun`, `phrase: 1 attribute`, … | phrases with as many attributes; or without a label | – |
| `polarity: negated`, … | phrases that exclude something, or do not | – |
| `area: small`, … | instances in one of `AREA_RANGES` | `by_instance` |
| `occlusion: heavy`, … | instances with this attribute | `by_instance` |

Level, kind and polarity of phrases are strata if the phrases of the prompt set have two or more values of them.

No two strata have the same name: a phrase that could be another stratum ("all", or with a colon) is in quotes; a
stratum of images that is named like one of `BUILT_IN`, and an attribute that is named like one of them or like a
stratum of images, has its origin before its name: `image level: 3`, `attribute area: small`.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from samgap.masks.area_ranges import AREA_RANGES, is_in_area_range
from samgap.metrics.base import Metric
from samgap.metrics.columns import prompt_attributes
from samgap.metrics.row_masks import has_property
from samgap.tables.matching import IOU_THRESHOLDS, PAIRS

STRATUM_ALL = "all"
BUILT_IN = ("level", "phrase", "polarity", "area")
"""Names of strata that do not come from the data set."""


@dataclass(frozen=True)
class Cell:
    """Tables `pairs` and `instances` of all shards of a data set, model and prompt set."""

    pairs: pd.DataFrame
    instances: pd.DataFrame | None = None
    """None if the statistics need no strata of instances."""
    skip_reason: str | None = None
    """Why the model made no predictions; the tables are then empty."""
    exhaustive: bool = True
    """Whether the labels of the data set are exhaustive."""

    def iter_strata(self, metric: Metric) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield the name of each stratum for which `metric` is defined, with its rows of table `pairs`."""
        yield STRATUM_ALL, self.pairs
        if metric.by_phrase:
            yield from self._pairs_by_phrase.items()
        yield from self._pairs_by_image_label.items()
        yield from self._pairs_by_phrase_kind.items()
        if metric.by_instance:
            yield from self._pairs_by_instance_label.items()

    @cached_property
    def _pairs_by_phrase(self) -> dict[str, pd.DataFrame]:
        return {_name_phrase(str(phrase)): pairs for phrase, pairs in self.pairs.groupby("phrase", sort=True)}

    @cached_property
    def _pairs_by_image_label(self) -> dict[str, pd.DataFrame]:
        rows_by_label = _rows_by_label(self.pairs["strata"], "image", BUILT_IN)
        return {label: self.pairs.iloc[rows] for label, rows in rows_by_label.items()}

    @cached_property
    def _pairs_by_phrase_kind(self) -> dict[str, pd.DataFrame]:
        """Pairs of the phrases with each level, kind and polarity."""
        pairs = self.pairs[has_property(self.pairs, "takes_phrase")]
        pairs_by_label: dict[str, pd.DataFrame] = {}
        for name, values in (
            ("level", pairs["level"]),
            ("phrase", _describe_phrases(pairs)),
            ("polarity", pairs["polarity"]),
        ):
            # A single value would repeat the whole set, or leave out the phrases without one.
            if values.nunique() > 1:
                pairs_by_label |= {f"{name}: {value}": rows for value, rows in pairs.groupby(values, sort=True)}
        return pairs_by_label

    @cached_property
    def _pairs_by_instance_label(self) -> dict[str, pd.DataFrame]:
        """Pairs restricted to the instances of each area range and attribute."""
        if self.instances is None:
            return {}
        prompted = self.instances[self.instances["truth_id"].notna()].reset_index(drop=True)
        area_px = prompted["truth_area_px"].to_numpy(float)
        rows_by_label = {f"area: {name}": np.flatnonzero(is_in_area_range(area_px, name)) for name in AREA_RANGES}
        names_of_images = {name for labels in self.pairs["strata"] if labels is not None for name, _ in labels}
        rows_by_label |= _rows_by_label(prompted["attributes"], "attribute", {*BUILT_IN, *names_of_images})
        return {
            label: _restrict_pairs(prompted.iloc[rows], self.pairs)
            for label, rows in rows_by_label.items()
            if len(rows)
        }


def _describe_phrases(pairs: pd.DataFrame) -> pd.Series:
    """Return the kind of each phrase: `noun`, `1 attribute`, `2 attributes` …, or `unlabelled`."""
    counts = [len(attributes) for attributes in prompt_attributes(pairs)]
    names = ["noun" if not count else f"{count} attribute{'' if count == 1 else 's'}" for count in counts]
    is_unlabelled = has_property(pairs, "unlabelled")
    return pd.Series(np.where(is_unlabelled, "unlabelled", names), index=pairs.index, dtype=object)


def _name_phrase(phrase: str) -> str:
    """Return the name of the stratum of a phrase, in quotes if it could be another stratum."""
    return f'"{phrase}"' if phrase == STRATUM_ALL or ": " in phrase else phrase


def _rows_by_label(column: pd.Series, origin: str, taken_names: Collection[str]) -> dict[str, np.ndarray]:
    """Return the row numbers of each `name: value` in a column of maps (lists of pairs, or null), sorted by label.

    Args:
        column: the maps.
        origin: what the labels describe, written before a name that is taken.
        taken_names: names of other strata.
    """
    rows_by_label: dict[str, list[int]] = {}
    for row, labels in enumerate(column):
        for name, value in labels if labels is not None else ():
            prefix = f"{origin} " if name in taken_names else ""
            rows_by_label.setdefault(f"{prefix}{name}: {value}", []).append(row)
    return {label: np.array(rows) for label, rows in sorted(rows_by_label.items())}


def _restrict_pairs(instances: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Restrict `pairs` to prompts of `instances`, with sums over these instead of over all instances of the prompt.

    Columns that are not sums over instances, such as the number of predictions, keep the value of the whole prompt.
    """
    by_prompt = instances.groupby("prompt_id", sort=False)
    pairs = pairs[pairs["prompt_id"].isin(by_prompt.groups)].copy()
    prompt_ids = pairs["prompt_id"]
    for name in PAIRS.schema.names:
        measure = name.removeprefix("sum_")
        if name != measure and measure in instances:
            pairs[name] = prompt_ids.map(by_prompt[measure].sum()).to_numpy(float)
    pairs["n_truth"] = prompt_ids.map(by_prompt.size()).to_numpy()
    pairs["n_answered"] = prompt_ids.map(by_prompt["prediction_id"].count()).to_numpy()
    for name, measure in (("tp", "iou"), ("box_tp", "box_match_iou")):
        is_match = instances[measure].to_numpy(float)[:, None] >= IOU_THRESHOLDS
        counts = pd.DataFrame(is_match, columns=list(IOU_THRESHOLDS)).groupby(instances["prompt_id"].to_numpy()).sum()
        pairs[name] = pd.Series(list(counts.loc[prompt_ids].to_numpy()), index=pairs.index)
    return pairs
