"""Metrics of whole tables, sufficient statistics from arrays, and random tables `pairs` and `instances`."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa

from samgap.metrics import load_metric
from samgap.metrics.attribute_accuracy import has_single_attribute
from samgap.metrics.base import RankedMetric
from samgap.metrics.columns import list_column, prompt_attributes
from samgap.statistics.sums import SumStatistics
from samgap.tables.catalog import TABLES
from samgap.tables.matching import IOU_THRESHOLDS


def compute_mean(statistics):
    """Return Σ values / Σ instances."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return statistics["sum"] / statistics["truth"]


def make_sums(values, n_truth=None, compute=compute_mean, **declared):
    """Make the sums of N clusters: `values` (N,) and numbers of instances (N,), 1 each by default.

    The metric is Σ values / Σ instances, a weighted mean from 0 to 1, with the fields in `declared`.
    """
    values = np.asarray(values, float)
    n_truth = np.ones(len(values)) if n_truth is None else np.asarray(n_truth, float)
    table = np.stack([values, n_truth], axis=1)
    widths = {"sum": None, "truth": None}
    fields = {
        "value_range": (0.0, 1.0),
        "is_biased": False,
        "is_spread": False,
        "no_interval": None,
        "no_spread_reason": lambda sums: None,
    }
    fields |= {"has_steps": False, "compute": compute, "mean_weights": lambda sums: sums["truth"]}
    metric = SimpleNamespace(**{**fields, **declared})
    return SumStatistics(
        n_truth > 0,
        len(values),
        int(n_truth.sum()),
        metric,
        table,
        widths,
        n_images_total=len(values),
        n_clusters_total=len(values),
    )


def evaluate(metric_id, pairs):
    """Return the metric of table `pairs`, NaN if it is undefined or not evaluable."""
    metric = load_metric(metric_id)
    if metric.not_evaluable_reason(pairs):
        return float("nan")
    pairs = pairs[metric.row_mask(pairs)]
    if isinstance(metric, RankedMetric):
        resampler = metric.make_resampler(pairs, np.zeros(len(pairs), np.int64), None)
        return float(resampler(np.ones((1, 1)))[0])
    statistics = metric.sufficient_statistics(pairs)
    return float(metric.compute({name: rows.sum(axis=0, keepdims=True) for name, rows in statistics.items()})[0])


def confusion_matrix(pairs, attribute):
    """Count instances by true value (rows) and predicted value (columns; "" if no phrase matches)."""
    counts = Counter()
    pairs = pairs[has_single_attribute(pairs)]
    for attributes, claimed in zip(prompt_attributes(pairs), list_column(pairs, "claimed"), strict=True):
        if attribute in attributes:
            counts.update({(attributes[attribute], value): number for value, number in dict(claimed or ()).items()})
    table = pd.Series(counts, dtype=np.int64).unstack(fill_value=0) if counts else pd.DataFrame()
    return table.rename_axis(index=attribute, columns="claimed")


def make_table(name, rows):
    """Make table `name`: missing values are null, or 0, false, "" or empty if the column is not nullable."""
    defaults = {field.name: None if field.nullable else _default_value(field.type) for field in TABLES[name].schema}
    return pa.Table.from_pylist([{**defaults, **row} for row in rows], schema=TABLES[name].schema).to_pandas()


def _default_value(arrow_type):
    if pa.types.is_fixed_size_list(arrow_type):
        return [0] * arrow_type.list_size
    if pa.types.is_list(arrow_type) or pa.types.is_map(arrow_type):
        return []
    if pa.types.is_boolean(arrow_type):
        return False
    return "" if pa.types.is_string(arrow_type) else 0


RIPENESS_VALUES = ("ripe", "unripe")


def images_table(n_images, make_group=str, lightings=("sun", "dusk")):
    """Make images 1 to `n_images` with a group made from the id, and lightings in turn."""
    return make_table(
        "images",
        [
            {"image_id": image, "group": make_group(image), "strata": [("lighting", lightings[image % len(lightings)])]}
            for image in range(1, n_images + 1)
        ],
    )


def random_results(seed, images, n_phrases=4, match_rate=0.7):
    """Make tables `pairs` and `instances` of random predictions for phrases; phrase 0 is absent from every image."""
    rng = np.random.default_rng(seed)
    pairs, instances = [], []
    for image in images.itertuples():
        for number in range(n_phrases):
            truth = int(rng.integers(0, 5)) * (number > 0)
            ious = np.where(rng.random(truth) < match_rate, rng.uniform(0.3, 1, truth), 0.0)
            n_false = int(rng.poisson(0.4))
            prompt = f"{image.image_id}-{number}"
            for index, iou in enumerate(ious):
                label = RIPENESS_VALUES[rng.integers(2)]
                instances.append(
                    {
                        **{"prompt_id": prompt, "image_id": image.image_id, "truth_id": index},
                        **{"prediction_id": index if iou else None, "outcome": "matched" if iou >= 0.5 else "missed"},
                        **{
                            "iou": iou,
                            "box_iou": iou,
                            "dice": 2 * iou / (1 + iou),
                            "attributes": [("ripeness", label)],
                        },
                        "truth_area_px": int(rng.choice([1023, 1024, 9215, 9216, 50_000])),
                    }
                )
            pairs.append(
                {
                    **{"prompt_id": prompt, "image_id": image.image_id, "group": image.group, "kind": "phrase"},
                    **{"phrase": f"phrase {number}", "evaluable": True, "n_truth": truth, "strata": image.strata},
                    **{"n_predicted": int((ious > 0).sum()) + n_false, "n_answered": int((ious > 0).sum())},
                    **{"tp": (ious[:, None] >= IOU_THRESHOLDS).sum(axis=0).tolist(), "sum_iou": float(ious.sum())},
                    **{"sum_dice": float((2 * ious / (1 + ious)).sum()), "sum_box_iou": float(ious.sum())},
                }
            )
    return make_table("pairs", pairs), make_table("instances", instances)


def to_box_prompts(pairs):
    """Turn present phrases into box prompts with the same predictions."""
    return pairs[pairs["n_truth"] > 0].assign(kind="box", phrase=None)


def draw_pair(seed, n_clusters, shift=0.0):
    """Draw the values of two correlated cells with one instance per cluster; the first is shifted."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0.6, 0.15, n_clusters)
    return common + shift + rng.normal(0, 0.05, n_clusters), common + rng.normal(0, 0.05, n_clusters)
