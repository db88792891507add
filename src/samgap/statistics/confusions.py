"""Confusion matrices of attributes: which value is predicted for instances of each true value, table `confusions`."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from samgap.metrics import load_metric
from samgap.metrics.attribute_accuracy import has_single_attribute
from samgap.metrics.base import SumMetric, ratio
from samgap.metrics.columns import constant, list_column, prompt_attributes
from samgap.metrics.operating_point import MATCH_50
from samgap.statistics import bootstrap
from samgap.statistics.clusters import Clustering, assign_clusters
from samgap.statistics.estimates import CellKey, Row, interval_columns, list_cell_metrics
from samgap.statistics.intervals import compute_interval
from samgap.statistics.strata import Cell
from samgap.statistics.sums import SumStatistics, select_lost

METRIC = "attribute-accuracy"

AttributeValue = tuple[str, str]
"""Attribute and true value."""
Confusion = tuple[str, str, str]
"""Attribute, true value, predicted value; the predicted value is "" if no phrase matches."""


def compute_confusions(
    read_cell: Callable[[CellKey], Cell],
    images_by_dataset: Mapping[str, pd.DataFrame],
    experiments: Mapping[str, Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[Row]:
    """Yield the rows of table `confusions`, for all cells with the metric `attribute-accuracy` in some experiment.

    Arguments as for `compute_estimates`; the intervals are of the same resamples. A cell that was skipped, or has no
    phrases for a single attribute, has no row: its rows of table `estimates` give the reason.
    """
    cells = [key for entry in experiments.values() for key, metric in list_cell_metrics(entry) if metric == METRIC]
    for key in dict.fromkeys(cells):
        pairs = read_cell(key).pairs
        if has_single_attribute(pairs).any():
            yield from _compute_cell(key, pairs, assign_clusters(images_by_dataset[key[0]]), settings, seed)


def _compute_cell(
    key: CellKey, pairs: pd.DataFrame, clustering: Clustering, settings: Mapping[str, Any], seed: int
) -> Iterator[Row]:
    shares = summarize_shares(pairs, clustering)
    resampled = bootstrap.resample(list(shares.values()), seed, key[0], settings["resamples"])
    for (confusion, share), values in zip(shares.items(), resampled, strict=True):
        interval = compute_interval(values, [share], [clustering], settings["confidence"])
        yield {
            **dict(zip(("dataset", "model", "prompts"), key, strict=True)),
            **dict(zip(("attribute", "value", "claimed"), confusion, strict=True)),
            "n_claimed": float(share.cluster_sums[:, 0].sum()),
            "n_instances": share.n_instances,
            **interval_columns(interval, share.n_lost),
            "share": bootstrap.point_estimate(share),
            "n_clusters": share.n_clusters,
            "n_clusters_total": share.n_clusters_total,
            "clusters": clustering.kind,
        }


def summarize_shares(pairs: pd.DataFrame, clustering: Clustering) -> dict[Confusion, SumStatistics]:
    """Summarize each share: numbers of instances per cluster with a predicted value, and with the true value."""
    n_lost = _count_lost_by_value(pairs)
    pairs = pairs[has_single_attribute(pairs)]
    counts, image_ids = _count_assignments(pairs, clustering)
    n_clusters_total = len(np.unique(clustering.cluster_codes(pairs["image_id"])))
    shares = {}
    for (attribute, value), count_by_claimed in sorted(counts.items()):
        # Instances are whole; the shares of k equal best scores add up to 1 only up to rounding.
        n_true = np.rint(sum(count_by_claimed.values(), np.zeros(clustering.count)))
        if not n_true.any():
            continue
        has_data = n_true > 0
        for claimed in [*sorted(key[1] for key in counts if key[0] == attribute), ""]:
            n_claimed = count_by_claimed.get(claimed, np.zeros(clustering.count))
            shares[attribute, value, claimed] = SumStatistics(
                has_data,
                len(image_ids[attribute, value]),
                int(n_true.sum()),
                _SHARE,
                np.stack([n_claimed, n_true], axis=1),
                {"numerator": None, "denominator": None},
                n_images_total=pairs["image_id"].nunique(),
                n_clusters_total=n_clusters_total,
                n_lost=n_lost[attribute, value],
            )
    return shares


def _count_assignments(
    pairs: pd.DataFrame, clustering: Clustering
) -> tuple[dict[AttributeValue, dict[str, np.ndarray]], dict[AttributeValue, set[int]]]:
    """Count instances per cluster, float64 (clusters,), by true value and predicted value; also return their images."""
    codes = clustering.cluster_codes(pairs["image_id"])
    counts: dict[AttributeValue, dict[str, np.ndarray]] = {}
    image_ids: dict[AttributeValue, set[int]] = {}
    rows = zip(codes, pairs["image_id"], prompt_attributes(pairs), list_column(pairs, "claimed"), strict=True)
    for cluster, image_id, attributes, claimed in rows:
        (true_value,) = attributes.items()
        count_by_claimed = counts.setdefault(true_value, {})
        images = image_ids.setdefault(true_value, set())
        for value, number in dict(claimed if claimed is not None else ()).items():
            count_by_claimed.setdefault(value, np.zeros(clustering.count))[cluster] += number
            images.add(image_id)
    return counts, image_ids


def _count_lost_by_value(pairs: pd.DataFrame) -> Counter[AttributeValue]:
    """Count the phrases on images that do not count because of lost labels, by the value that they name."""
    lost = pairs[select_lost(load_metric(METRIC), pairs)]
    return Counter(next(iter(attributes.items())) for attributes in prompt_attributes(lost))


_SHARE: SumMetric = ratio(
    constant,
    constant,
    row_mask=has_single_attribute,
    not_evaluable_reason=lambda pairs: None,
    higher_is_better=None,
    operating_point=MATCH_50,
    label="Share",
    source="this project",
)
"""Only its `compute` is used, on the cluster sums above."""
