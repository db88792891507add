"""The measurements of three small workflows, and the request for the figure that draws them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from samgap.paper.figures import FigureRequest
from samgap.tables.matching import PAIRS
from samgap.tables.parquet import Table
from samgap.tables.predictions import TIMING
from samgap.tables.statistics import ESTIMATES
from tests.helpers.metric_pairs import make_pair
from tests.helpers.paper import MODELS, make_estimate
from tests.helpers.sums import make_table

FACTS = "config/paper/workflows.yaml"
DATASET = "orchard-sim-test"
EXPERIMENTS = {"spatial": "spatial-prompts", "concept": "concept-prompts", "grounded": "grounded"}
CELLS = {
    "spatial": {"dataset": DATASET, "model": "sam2-demo", "prompts": "box"},
    "concept": {"dataset": DATASET, "model": "sam3-demo", "prompts": "concepts"},
    "grounded": {"dataset": DATASET, "model": "grounded-demo", "prompts": "concepts"},
}
GROUNDED = {"label": "SAM3's boxes, SAM2's masks (demo)", "family": "grounded", "detector": "sam3-demo"}
VALUES = {
    "spatial": {"iou": 0.81, "recall": 0.93, "f1-50": 0.92, "prompts-per-image": 6.93},
    "concept": {"iou": 0.4, "recall": 0.46, "f1-50": 0.56, "prompts-per-image": 9.0},
    "grounded": {"iou": 0.41, "recall": 0.47, "f1-50": 0.5, "prompts-per-image": 9.0},
}
TIMES_MS = {"spatial": (60, 40), "concept": (100, 900), "grounded": (160, 1840)}
"""Lane -> the times of the image encoder and of all prompts, of images 1 and 2. Image 3 takes ten times as long."""
MASKS = {"spatial": (1, 1), "concept": (12, 3), "grounded": (12, 4)}
"""Lane -> predictions of a prompt, and those at or above the score threshold."""
N_PROMPTS = {"spatial": 4, "concept": 2, "grounded": 2}
"""Lane -> prompts of each of the three images."""


def make_lane_estimates() -> pd.DataFrame:
    """Return the estimates of all lanes; without an interval where the number of prompts is constant."""
    rows = [
        make_estimate(EXPERIMENTS[lane], CELLS[lane]["model"], CELLS[lane]["prompts"], metric, value)
        for lane, values in VALUES.items()
        for metric, value in values.items()
    ]
    estimates = pd.DataFrame(rows)
    estimates.loc[estimates["value"] == 6.93, ["ci_low", "ci_high"]] = 5.89, 8.0
    is_constant = (estimates["metric"] == "prompts-per-image") & (estimates["value"] == 9)
    estimates.loc[is_constant, ["ci_low", "ci_high"]] = None
    return estimates


def write_shards(folder: Path, table: Table, rows: pd.DataFrame, skipped: str | None) -> list[str]:
    """Write a table in two shards, the second of which has the rows of image 2; without rows if `skipped`."""
    paths = []
    for shard in range(2):
        path = folder / f"shard={shard:03d}" / f"{table.name}.parquet"
        in_shard = rows[(rows["image_id"] == 2) == bool(shard)]
        table.write(path, rows.iloc[:0] if skipped else in_shard, {"skipped": skipped} if skipped else {})
        paths.append(str(path))
    return paths


def make_timing(lane: str, device: str = "cpu") -> pd.DataFrame:
    """Return table `timing` of a lane; three quarters of the time of prompts are the detector's in `grounded`."""
    encode_ms, decode_ms = TIMES_MS[lane]
    detector_share = 0.75 if lane == "grounded" else float("nan")
    row = {"n_prompts": N_PROMPTS[lane], "read_ms": 1.0, "device": device}
    return pd.DataFrame(
        [
            {
                **row,
                "image_id": image,
                "encode_ms": encode_ms * factor,
                "decode_ms": decode_ms * factor,
                "detect_ms": decode_ms * factor * detector_share,
            }
            for image, factor in ((1, 1.0), (2, 1.0), (3, 10.0))
        ]
    )


def make_lane_pairs(lane: str) -> pd.DataFrame:
    """Return table `pairs` of a lane."""
    n_masks, n_predicted = MASKS[lane]
    kind = "box" if lane == "spatial" else "phrase"
    rows = [
        {**make_pair(image, kind, truth=1, predicted=n_predicted, matched=1, phrase=f"{number}"), "n_masks": n_masks}
        for image in (1, 2, 3)
        for number in range(N_PROMPTS[lane])
    ]
    return make_table("pairs", rows)


def lanes_request(
    folder: Path,
    lanes: tuple[str, ...] = ("spatial", "concept", "grounded"),
    estimates: pd.DataFrame | None = None,
    skipped: Mapping[str, str] = {},
    devices: Mapping[str, str] = {},
) -> FigureRequest:
    """Write the tables of some lanes to `folder` and return the request for the figure workflows.

    Args:
        folder: Where the tables are written.
        lanes: The lanes of the entry.
        estimates: Table `estimates`; by default that of `make_lane_estimates`.
        skipped: Lane -> the reason why its model has no predictions.
        devices: Lane -> its device, if it is not cpu.
    """
    ESTIMATES.write(folder / "estimates.parquet", make_lane_estimates() if estimates is None else estimates)
    inputs: dict[str, Any] = {"estimates": str(folder / "estimates.parquet")}
    for lane in lanes:
        timing, reason = make_timing(lane, devices.get(lane, "cpu")), skipped.get(lane)
        inputs[f"{lane}_timing"] = write_shards(folder / lane, TIMING, timing, reason)
        inputs[f"{lane}_pairs"] = write_shards(folder / lane, PAIRS, make_lane_pairs(lane), reason)
    entry = {
        "facts": FACTS,
        "experiments": list(EXPERIMENTS.values()),
        "metrics": ["iou", "recall", "f1-50"],
        "lanes": {lane: CELLS[lane] for lane in lanes},
    }
    return FigureRequest("workflows", inputs, entry, {**MODELS, "grounded-demo": GROUNDED})
