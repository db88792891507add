"""Sufficient statistics made up of arrays, and tables `pairs` and `instances` made up at random."""

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
    with np.errstate(invalid="ignore", divide="ignore"):
        return statistics["sum"] / statistics["truth"]


def make_sums(values, n_truth=None, compute=compute_mean):
    """A metric of clusters that hold `truth` (N,) instances, 1 each by default, and sums (N,) of `values`."""
    values = np.asarray(values, float)
    n_truth = np.ones(len(values)) if n_truth is None else np.asarray(n_truth, float)
    table = np.stack([values, n_truth], axis=1)
    columns = {"sum": None, "truth": None}
    return SumStatistics(n_truth > 0, len(values), int(n_truth.sum()), SimpleNamespace(compute=compute), table, columns)


def evaluate(metric_id, pairs):
    """Return the metric of table `pairs`, NaN where it is undefined or not evaluable."""
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
    """Rows as table `name` reads back: what a row lacks is null, or 0, false, "" or empty where null is not allowed."""
    blank = {field.name: None if field.nullable else _default_value(field.type) for field in TABLES[name].schema}
    return pa.Table.from_pylist([{**blank, **row} for row in rows], schema=TABLES[name].schema).to_pandas()


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
    """Images 1 to `count`; `group` from the image's id, and `lights` in turn."""
    return make_table(
        "images",
        [
            {"image_id": image, "group": make_group(image), "strata": [("lighting", lightings[image % len(lightings)])]}
            for image in range(1, n_images + 1)
        ],
    )


def random_results(seed, images, n_phrases=4, match_rate=0.7):
    """Tables `pairs` and `instances` of random answers to `phrases` phrases an image; phrase 0 is never there."""
    random = np.random.default_rng(seed)
    pairs, instances = [], []
    for image in images.itertuples():
        for number in range(n_phrases):
            truth = int(random.integers(0, 5)) * (number > 0)
            ious = np.where(random.random(truth) < match_rate, random.uniform(0.3, 1, truth), 0.0)
            false = int(random.poisson(0.4))
            prompt = f"{image.image_id}-{number}"
            for place, iou in enumerate(ious):
                label = RIPENESS_VALUES[random.integers(2)]
                instances.append(
                    {
                        **{"prompt_id": prompt, "image_id": image.image_id, "truth_id": place},
                        **{"prediction_id": place if iou else None, "outcome": "matched" if iou >= 0.5 else "missed"},
                        **{
                            "iou": iou,
                            "box_iou": iou,
                            "dice": 2 * iou / (1 + iou),
                            "attributes": [("ripeness", label)],
                        },
                        "truth_area_px": int(random.choice([1023, 1024, 9215, 9216, 50_000])),
                    }
                )
            pairs.append(
                {
                    **{"prompt_id": prompt, "image_id": image.image_id, "group": image.group, "kind": "phrase"},
                    **{"phrase": f"phrase {number}", "evaluable": True, "n_truth": truth, "strata": image.strata},
                    **{"n_predicted": int((ious > 0).sum()) + false, "n_answered": int((ious > 0).sum())},
                    **{"tp": (ious[:, None] >= IOU_THRESHOLDS).sum(axis=0).tolist(), "sum_iou": float(ious.sum())},
                    "sum_dice": float((2 * ious / (1 + ious)).sum()),
                }
            )
    return make_table("pairs", pairs), make_table("instances", instances)


def to_box_prompts(pairs):
    """The same answers as if each had been asked for by a box."""
    return pairs[pairs["n_truth"] > 0].assign(kind="box", phrase=None)
