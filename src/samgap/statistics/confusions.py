"""Which value of an attribute is claimed for instances of each true one: the rows of table `confusions`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio, attribute_accuracy
from samgap.statistics import bootstrap
from samgap.statistics.clusters import Clusters, clusters
from samgap.statistics.estimates import Key, asked_of, interval
from samgap.statistics.strata import Cell
from samgap.statistics.sums import Sums

METRIC = "attribute-accuracy"


def confusions(
    cell: Callable[[Key], Cell],
    images: Mapping[str, pd.DataFrame],
    experiments: Mapping[str, Mapping[str, Any]],
    statistics: Mapping[str, Any],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of table `confusions`, of all cells that some experiment measures `attribute-accuracy` of.

    Arguments as for `estimates`; the shares have intervals of the same draws. A cell that was skipped, or whose phrases
    ask for no single attribute, has no row: `estimates` says why.
    """
    cells = [key for entry in experiments.values() for key, metric in asked_of(entry) if metric == METRIC]
    for key in dict.fromkeys(cells):
        pairs = cell(key).pairs
        pairs = pairs[attribute_accuracy.asked(pairs)]
        if not len(pairs):
            continue
        groups = clusters(images[key[0]])
        parts = _parts(pairs, groups)
        values = bootstrap.resampled(list(parts.values()), seed, key[0], statistics["resamples"])
        names = dict(zip(("dataset", "model", "prompts"), key, strict=True))
        for (what, part), drawn in zip(parts.items(), values, strict=True):
            low, high, warning = interval(drawn, part.n_clusters, groups, statistics["confidence"])
            ends = {"ci_low": low, "ci_high": high, "warning": warning}
            numbers = {"share": bootstrap.whole(part), "n_clusters": part.n_clusters, "clusters": groups.kind}
            yield {
                **names,
                **dict(zip(("attribute", "value", "claimed"), what, strict=True)),
                "n_claimed": int(part.table[:, 0].sum()),
                "n_instances": part.n_instances,
                **ends,
                **numbers,
            }


def _parts(pairs: pd.DataFrame, groups: Clusters) -> dict[tuple[str, str, str], Sums]:
    """For each attribute, true value and claimed value (every one that is asked for, and "" for none) its share."""
    codes = groups.of(pairs["image_id"])
    counts: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    rows = zip(codes, _pairs.asked_attributes(pairs), _pairs.lists(pairs, "claimed"), strict=True)
    for cluster, wanted, claimed in rows:
        of_value = counts.setdefault(next(iter(wanted.items())), {})
        for value, number in dict(claimed if claimed is not None else ()).items():
            of_value.setdefault(value, np.zeros(groups.count))[cluster] += number
    metric = _ratio.Ratio(_ratio.one, _ratio.one, attribute_accuracy.asked, lambda pairs: None)
    found = {}
    for (attribute, value), of_value in sorted(counts.items()):
        truth = sum(of_value.values(), np.zeros(groups.count))
        for claimed in [*sorted(name for other, name in counts if other == attribute), ""]:
            if truth.any():
                table = np.stack([of_value.get(claimed, np.zeros(groups.count)), truth], axis=1)
                holds = truth > 0
                part = Sums(holds, int(holds.sum()), int(truth.sum()), metric, table, {"part": None, "whole": None})
                found[attribute, value, claimed] = part
    return found
