"""Which value of an attribute is claimed for instances of each true one: the rows of table `confusions`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio, attribute_accuracy
from samgap.statistics import bootstrap
from samgap.statistics.clusters import Clustering, assign_clusters
from samgap.statistics.estimates import CellKey, interval_with_warning, list_cell_metrics
from samgap.statistics.strata import Cell
from samgap.statistics.sums import SumStatistics

METRIC = "attribute-accuracy"


def compute_confusions(
    read_cell: Callable[[CellKey], Cell],
    images_by_dataset: Mapping[str, pd.DataFrame],
    experiments: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield the rows of table `confusions`, of all cells that some experiment measures `attribute-accuracy` of.

    Arguments as for `estimates`; the shares have intervals of the same draws. A cell that was skipped, or whose phrases
    ask for no single attribute, has no row: `estimates` says why.
    """
    cells = [key for entry in experiments.values() for key, metric in list_cell_metrics(entry) if metric == METRIC]
    for key in dict.fromkeys(cells):
        pairs = read_cell(key).pairs
        pairs = pairs[attribute_accuracy.has_single_attribute(pairs)]
        if not len(pairs):
            continue
        groups = assign_clusters(images_by_dataset[key[0]])
        parts = _claimed_shares(pairs, groups)
        values = bootstrap.resample(list(parts.values()), seed, key[0], settings["resamples"])
        names = dict(zip(("dataset", "model", "prompts"), key, strict=True))
        for (what, part), drawn in zip(parts.items(), values, strict=True):
            low, high, warning = interval_with_warning(drawn, part.n_clusters, groups, settings["confidence"])
            ends = {"ci_low": low, "ci_high": high, "warning": warning}
            numbers = {"share": bootstrap.point_estimate(part), "n_clusters": part.n_clusters, "clusters": groups.kind}
            yield {
                **names,
                **dict(zip(("attribute", "value", "claimed"), what, strict=True)),
                "n_claimed": int(part.cluster_sums[:, 0].sum()),
                "n_instances": part.n_instances,
                **ends,
                **numbers,
            }


def _claimed_shares(pairs: pd.DataFrame, clustering: Clustering) -> dict[tuple[str, str, str], SumStatistics]:
    """For each attribute, true value and claimed value (every one that is asked for, and "" for none) its share."""
    codes = clustering.cluster_codes(pairs["image_id"])
    counts: dict[tuple[str, str], dict[str, np.ndarray]] = {}
    rows = zip(codes, _pairs.prompt_attributes(pairs), _pairs.list_column(pairs, "claimed"), strict=True)
    for cluster, wanted, claimed in rows:
        of_value = counts.setdefault(next(iter(wanted.items())), {})
        for value, number in dict(claimed if claimed is not None else ()).items():
            of_value.setdefault(value, np.zeros(clustering.count))[cluster] += number
    metric = _ratio.Ratio(_ratio.constant, _ratio.constant, attribute_accuracy.has_single_attribute, lambda pairs: None)
    found = {}
    for (attribute, value), of_value in sorted(counts.items()):
        truth = sum(of_value.values(), np.zeros(clustering.count))
        for claimed in [*sorted(name for other, name in counts if other == attribute), ""]:
            if truth.any():
                table = np.stack([of_value.get(claimed, np.zeros(clustering.count)), truth], axis=1)
                holds = truth > 0
                part = SumStatistics(
                    holds, int(holds.sum()), int(truth.sum()), metric, table, {"part": None, "whole": None}
                )
                found[attribute, value, claimed] = part
    return found
