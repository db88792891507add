"""The values that comparisons need: metrics of whole cells and of their strata, summarized for resampling."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from samgap.metrics import load_metric
from samgap.statistics.clusters import Clustering
from samgap.statistics.estimates import CellKey
from samgap.statistics.strata import STRATUM_ALL, Cell
from samgap.statistics.sums import Resampleable, select_lost, summarize_metric

NO_IMAGES: frozenset[int] = frozenset()
LostPairs = frozenset[tuple[int, str]]
"""Image and phrase of the prompts that do not count, because labels that they depend on were lost."""
Summary = Resampleable | str
"""A value for resampling, or the reason why there is none: `skipped: …` or `not evaluable: …`."""


class Value(NamedTuple):
    """A metric of a stratum of a cell."""

    cell: CellKey
    metric: str
    stratum: str
    left_out: frozenset[int] = NO_IMAGES
    """Ids of the images that it leaves out."""


class ComparedPair(NamedTuple):
    """The two values of a row of table `comparisons`, with the declared pair that asks for it."""

    declared: Mapping[str, Any]
    candidate: Value
    baseline: Value


class ComparedValues:
    """The summaries of all values that declared pairs compare. Each cell is read once, or twice if images are left out.

    Attributes:
        pairs: The pairs of values, in the order of the declared pairs, then of metrics and strata.
        summaries: The summary of each of their values.
    """

    def __init__(
        self,
        read_cell: Callable[[CellKey], Cell],
        clusterings: Mapping[str, Clustering],
        declared_pairs: Sequence[Mapping[str, Any]],
    ) -> None:
        """Read and summarize the values.

        Args:
            read_cell: Reads a cell.
            clusterings: The clusters of each data set.
            declared_pairs: Pairs as `expand_comparisons` returns them.
        """
        self._read_cell, self._clusterings = read_cell, clusterings
        self.summaries: dict[Value, Summary] = {}
        self._lost: dict[Value, LostPairs] = {}
        for key, requests in _list_requests(declared_pairs).items():
            self._summarize_cell(key, requests)
        self.pairs = [
            self._leave_out_lost(pair) for declared in declared_pairs for pair in self._expand_strata(declared)
        ]
        values = dict.fromkeys(itertools.chain.from_iterable(pair[1:] for pair in self.pairs))
        self._summarize_common_images([value for value in values if value not in self.summaries])
        self.summaries = {value: self.summaries[value] for value in values}

    def _summarize_cell(self, key: CellKey, requests: Mapping[str, set[str]]) -> None:
        """Summarize the requested strata of a cell: for each metric their names, or attributes (`area`)."""
        cell = self._read_cell(key)
        for metric, names in requests.items():
            if cell.skip_reason:
                self.summaries[Value(key, metric, STRATUM_ALL)] = f"skipped: {cell.skip_reason}"
                continue
            for stratum, pairs in _iter_strata(cell, metric, names):
                value = Value(key, metric, stratum)
                self.summaries[value] = self._summarize(value, pairs, cell)
                rows = pairs[select_lost(load_metric(metric), pairs)]
                self._lost[value] = frozenset(zip(rows["image_id"], rows["phrase"], strict=True))

    def _summarize(self, value: Value, pairs: pd.DataFrame, cell: Cell) -> Summary:
        return summarize_metric(value.metric, pairs, self._clusterings[value.cell[0]], cell.exhaustive)

    def _expand_strata(self, declared: Mapping[str, Any]) -> Iterator[ComparedPair]:
        """Yield the pair for each metric: as declared, then in each stratum of `strata` that one of both cells has."""
        candidate, baseline = list_cell_keys(declared)
        for metric in declared["metrics"]:
            named = [(declared[f"{side}stratum"] or STRATUM_ALL) for side in ("", "baseline_")]
            strata = [tuple(named), *((name, name) for name in self._list_strata(declared, metric))]
            for first, second in strata:
                pair = ComparedPair(declared, Value(candidate, metric, first), Value(baseline, metric, second))
                for value in pair[1:]:
                    self.summaries.setdefault(value, self._explain_missing(value))
                yield pair

    def _list_strata(self, declared: Mapping[str, Any], metric: str) -> list[str]:
        """Return the strata of each attribute of `strata`; the attribute itself if no cell has one."""
        keys = list_cell_keys(declared)
        strata: list[str] = []
        for attribute in declared["strata"]:
            names = [
                value.stratum
                for value in self._lost
                if value.cell in keys and value.metric == metric and value.stratum.startswith(f"{attribute}: ")
            ]
            strata += list(dict.fromkeys(names)) or [attribute]
        return strata

    def _explain_missing(self, value: Value) -> str:
        """Return why a value that no stratum of its cell has is missing."""
        whole = self.summaries.get(value._replace(stratum=STRATUM_ALL))
        if isinstance(whole, str) and whole.startswith("skipped"):
            return whole
        return f"not evaluable: no stratum “{value.stratum}” of {value.metric}"

    def _leave_out_lost(self, pair: ComparedPair) -> ComparedPair:
        """Return the pair with both values of the same images, where the lost labels differ.

        Two cells with the same prompts lose the same pairs of image and phrase. Where they differ, as those of phrases
        and boxes do, both leave out every image with such a pair. Two data sets have no image in common.
        """
        first, second = (self._lost.get(value, frozenset()) for value in pair[1:])
        if first == second or pair.candidate.cell[0] != pair.baseline.cell[0]:
            return pair
        left_out = frozenset(image for image, _ in first | second)
        return pair._replace(
            candidate=pair.candidate._replace(left_out=left_out), baseline=pair.baseline._replace(left_out=left_out)
        )

    def _summarize_common_images(self, values: Sequence[Value]) -> None:
        """Summarize values that leave out images, from whole values that are summarized."""
        for key in sorted({value.cell for value in values}):
            cell = self._read_cell(key)
            for value in (value for value in values if value.cell == key):
                whole = self.summaries[value._replace(left_out=NO_IMAGES)]
                if isinstance(whole, str) and value._replace(left_out=NO_IMAGES) not in self._lost:
                    self.summaries[value] = whole
                    continue
                pairs = dict(_iter_strata(cell, value.metric, {value.stratum}))[value.stratum]
                pairs = pairs[~pairs["image_id"].isin(value.left_out)]
                self.summaries[value] = self._summarize(value, pairs, cell)


def list_cell_keys(declared: Mapping[str, Any]) -> tuple[CellKey, CellKey]:
    """Return the cells of the candidate and of the baseline."""
    candidate, baseline = (
        (declared[f"{side}dataset"], declared[f"{side}model"], declared[f"{side}prompts"]) for side in ("", "baseline_")
    )
    return candidate, baseline


def _list_requests(declared_pairs: Iterable[Mapping[str, Any]]) -> dict[CellKey, dict[str, set[str]]]:
    """Return for each cell and metric the strata that are compared, and the attributes of which all strata are.

    The whole cell is always among them: it says whether the cell was skipped.
    """
    requests: dict[CellKey, dict[str, set[str]]] = {}
    for declared in declared_pairs:
        for key, side in zip(list_cell_keys(declared), ("", "baseline_"), strict=True):
            for metric in declared["metrics"]:
                names = requests.setdefault(key, {}).setdefault(metric, {STRATUM_ALL})
                names.update(declared["strata"], filter(None, [declared[f"{side}stratum"]]))
    return requests


def _iter_strata(cell: Cell, metric: str, names: set[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the strata of these names, and of the attributes of these names, with their rows of table `pairs`."""
    if names == {STRATUM_ALL}:
        yield STRATUM_ALL, cell.pairs  # without computing the others
        return
    for stratum, pairs in cell.iter_strata(load_metric(metric)):
        if stratum in names or stratum.partition(": ")[0] in names:
            yield stratum, pairs
