"""The measurements of a workflow: a model with its prompts on a data set, from estimates, timings and matches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from samgap.paper.csv import iterate_rows
from samgap.tables import parquet
from samgap.tables.matching import PAIRS
from samgap.tables.predictions import TIMING
from samgap.tables.statistics import ESTIMATES

PROMPTS_METRIC = "prompts-per-image"
ESTIMATE, QUARTILES = "confidence interval", "quartiles of the images"
"""What `low` and `high` of a row are."""
COLUMNS = ["lane", "item", "quantity", "label", "value", "low", "high", "spread", "unit", "n_images", "n_instances"]
COLUMNS += ["experiment", "dataset", "model", "prompts", "device", "lacks_labels", "note", "source"]


@dataclass(frozen=True)
class LaneInputs:
    """Where the measurements of a lane are.

    Attributes:
        lane: Id of the lane.
        cell: Its `dataset`, `model` and `prompts`; None if the configuration has no such lane.
        estimates: Path of table `estimates`.
        experiments: Ids of the experiments whose estimates count.
        timing: Paths of the shards of table `timing`.
        pairs: Paths of the shards of table `pairs`.
    """

    lane: str
    cell: Mapping[str, str] | None
    estimates: str
    experiments: Sequence[str]
    timing: Sequence[str]
    pairs: Sequence[str]


def measure_lane(inputs: LaneInputs, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Return a row for each quantity of a lane; a quantity without a measurement has a `note` instead of a value.

    The quantities are `prompts-per-image` and `metrics`, with their intervals; the number of predictions of an image at
    any score (`predictions`) and at the official score threshold (`masks`), means over the images with prompts; and the
    time of an image (`seconds`), of its encoder and of its prompts (`encoder-seconds`, `prompts-seconds`), their shares
    of the time of the image, and the time of one prompt (`seconds-a-prompt`), medians over the images with prompts. A
    median is not moved by the first image, which takes longer. If the model has a detector, the time of the prompts is
    that of the detector (`detector-seconds`) and of the segmenter (`segmenter-seconds`), also with their shares.
    """
    rows = [*_read_estimates(inputs, [PROMPTS_METRIC, *metrics]), *_count_predictions(inputs), *_read_times(inputs)]
    cell = {key: inputs.cell[key] for key in ("dataset", "model", "prompts")} if inputs.cell else {}
    return [{"lane": inputs.lane, "item": "measurement", **cell, **row} for row in rows]


def _explain_missing_lane(inputs: LaneInputs) -> str:
    return f"this run has no model in the lane {inputs.lane}"


def _read_estimates(inputs: LaneInputs, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of the estimates over the whole data set."""
    if inputs.cell is None:
        return [{"quantity": metric, "note": _explain_missing_lane(inputs)} for metric in metrics]
    estimates = ESTIMATES.read(inputs.estimates)
    is_shown = estimates["experiment"].isin(inputs.experiments) & (estimates["stratum"] == "all")
    for key in ("dataset", "model", "prompts"):
        is_shown &= estimates[key] == inputs.cell[key]
    # Experiments with the same cell have the same estimates.
    found = {row.metric: row for row in iterate_rows(estimates[is_shown].drop_duplicates("metric"))}
    rows: list[dict[str, Any]] = []
    for metric in metrics:
        row: dict[str, Any] = {"quantity": metric, "source": inputs.estimates}
        if metric not in found:
            rows.append(
                {**row, "note": f"none of the figure's experiments measures {metric} in the lane {inputs.lane}"}
            )
            continue
        estimate = found[metric]
        row |= {"experiment": estimate.experiment, "n_images": estimate.n_images, "n_instances": estimate.n_instances}
        row |= {"lacks_labels": estimate.lacks_labels}
        if pd.isna(estimate.value):
            rows.append({**row, "note": estimate.note})
            continue
        row |= {"value": estimate.value}
        if pd.notna(estimate.ci_low):
            row |= {"low": estimate.ci_low, "high": estimate.ci_high, "spread": ESTIMATE}
        rows.append(row)
    return rows


def _count_predictions(inputs: LaneInputs) -> list[dict[str, Any]]:
    """Return the rows of the numbers of predictions of an image."""
    source = ";".join(inputs.pairs)
    note, pairs = _read_shards(inputs, inputs.pairs, PAIRS)
    rows: list[dict[str, Any]] = []
    for quantity, column in (("predictions", "n_masks"), ("masks", "n_predicted")):
        row: dict[str, Any] = {"quantity": quantity, "unit": "an image", "source": source}
        if note is None:
            counts = pairs.groupby("image_id")[column].sum()
            row |= {"value": float(counts.mean()), "n_images": len(counts)}
        rows.append({**row, "note": note})
    return rows


def _read_times(inputs: LaneInputs) -> list[dict[str, Any]]:
    """Return the rows of the times."""
    note, timing = _read_shards(inputs, inputs.timing, TIMING)
    encoder = timing["encode_ms"].to_numpy(float) / 1000
    prompts = timing["decode_ms"].to_numpy(float) / 1000
    total = encoder + prompts
    values = {
        "seconds": (total, "s an image"),
        "encoder-seconds": (encoder, "s an image"),
        "encoder-share": (encoder / total, "of the time"),
        "prompts-seconds": (prompts, "s an image"),
        "prompts-share": (prompts / total, "of the time"),
        "seconds-a-prompt": (prompts / timing["n_prompts"].to_numpy(float), "s a prompt"),
    }
    detector = timing["detect_ms"].to_numpy(float) / 1000
    if note is None and np.isfinite(detector).all():
        for part, each in (("detector", detector), ("segmenter", prompts - detector)):
            values |= {f"{part}-seconds": (each, "s an image"), f"{part}-share": (each / total, "of the time")}
    rows: list[dict[str, Any]] = []
    for quantity, (each, unit) in values.items():
        row: dict[str, Any] = {"quantity": quantity, "unit": unit, "source": ";".join(inputs.timing), "note": note}
        if note is None:
            low, middle, high = (float(value) for value in np.quantile(each, (0.25, 0.5, 0.75)))
            row |= {"value": middle, "low": low, "high": high, "spread": QUARTILES, "n_images": len(each)}
            row |= {"device": ", ".join(sorted(set(timing["device"])))}
        rows.append(row)
    return rows


def _read_shards(inputs: LaneInputs, paths: Sequence[str], table: parquet.Table) -> tuple[str | None, pd.DataFrame]:
    """Return the rows of all shards of a table, and why there is none; None if there is one."""
    if inputs.cell is None:
        return _explain_missing_lane(inputs), table.empty_frame()
    shards = [table.read(path) for path in paths]
    rows = pd.concat(shards, ignore_index=True)
    reasons = [reason for path in inputs.pairs if (reason := parquet.read_provenance(path).get("skipped"))]
    if rows.empty or reasons:
        return (f"skipped: {reasons[0]}" if reasons else "no image has a prompt"), rows.iloc[:0]
    return None, rows
