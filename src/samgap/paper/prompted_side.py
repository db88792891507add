"""The prompts and predictions of one model on single images: what one side of a figure of two models shows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from samgap.metrics import load_metric
from samgap.metrics.base import SumMetric
from samgap.tables import parquet
from samgap.tables.matching import PAIRS
from samgap.tables.predictions import MASKS, TIMING

METRIC = "f1-50"
"""The metric of an image that is drawn."""
COLUMNS = ["image_id", "file", "side", "dataset", "model", "prompts", "prompt_id", "kind", "phrase", "n_truth"]
COLUMNS += ["prediction_id", "score", "area_px", "x0", "y0", "x1", "y1", "f1_50", "seconds", "note", "source"]


@dataclass(frozen=True)
class ImagePredictions:
    """Prompts and predicted masks of one model on one image.

    Attributes:
        prompts: Rows of table `prompts`.
        masks: Rows of table `masks`, best first for each prompt.
        f1: F1 at IoU 0.5 of these prompts; None if it is undefined or the weights are missing.
        seconds: Time of the image encoder, and the share of these prompts in the time of all prompts of the image; None
            without a measurement.
        note: Why there is no mask, if the weights are missing.
    """

    prompts: pd.DataFrame
    masks: pd.DataFrame
    f1: float | None
    seconds: float | None
    note: str | None


@dataclass(frozen=True)
class Side:
    """One of the two models with its prompts and the shards of its predictions.

    Attributes:
        name: `spatial` or `concept`.
        prompts: The prompts drawn, rows of table `prompts`, from the file `prompts_path`.
        mask_paths: The shards of table `masks`; image row k of the data set is in shard k modulo their number.
        timing_paths: The shards of table `timing`.
        pair_paths: The shards of table `pairs`.
        score_threshold: Masks with a lower score are not drawn.
    """

    name: str
    dataset: str
    model: str
    prompt_set: str
    prompts_path: str
    prompts: pd.DataFrame
    mask_paths: Sequence[str]
    timing_paths: Sequence[str]
    pair_paths: Sequence[str]
    score_threshold: float

    def read_predictions(self, image: Any) -> ImagePredictions:
        """Read the masks of an image; only the best mask of a spatial prompt."""
        prompts = self.prompts[self.prompts["image_id"] == image.image_id]
        path = self._get_shard(self.mask_paths, image)
        skipped = parquet.read_provenance(path).get("skipped")
        masks = MASKS.read(path)
        masks = masks[masks["prompt_id"].isin(prompts["prompt_id"]) & (masks["score"] >= self.score_threshold)]
        masks = masks.sort_values(["prompt_id", "prediction_id"])
        if self.name == "spatial":
            masks = masks.drop_duplicates("prompt_id")
        if skipped:
            return ImagePredictions(prompts, masks, None, None, f"skipped: {skipped}")
        pairs = PAIRS.read(self._get_shard(self.pair_paths, image))
        f1 = compute_f1(pairs[pairs["prompt_id"].isin(prompts["prompt_id"])])
        timing = TIMING.read(self._get_shard(self.timing_paths, image))
        seconds = compute_seconds(timing[timing["image_id"] == image.image_id], len(prompts))
        return ImagePredictions(prompts, masks, f1, seconds, None)

    def build_rows(self, image: Any, predictions: ImagePredictions) -> pd.DataFrame:
        """Return the CSV rows of an image: one for each mask, and one for each prompt without a mask."""
        rows = predictions.prompts[["prompt_id", "kind", "phrase", "truth_ids"]].merge(
            predictions.masks.drop(columns=["image_id", "height", "width", "rle"]), on="prompt_id", how="left"
        )
        rows["n_truth"] = [len(ids) if ids is not None else None for ids in rows.pop("truth_ids")]
        paths = [self.prompts_path, *(self._get_shard(shards, image) for shards in self._list_shards())]
        rows = rows.assign(
            image_id=image.image_id,
            file=image.file,
            side=self.name,
            dataset=self.dataset,
            model=self.model,
            prompts=self.prompt_set,
            f1_50=predictions.f1,
            seconds=predictions.seconds,
            note=predictions.note,
            source=";".join(paths),
        )
        return rows[COLUMNS].astype({"prediction_id": "Int64", "area_px": "Int64", "n_truth": "Int64"})

    def _list_shards(self) -> tuple[Sequence[str], ...]:
        return self.mask_paths, self.pair_paths, self.timing_paths

    @staticmethod
    def _get_shard(paths: Sequence[str], image: Any) -> str:
        """Return the shard of an image."""
        return paths[image.shard_row % len(paths)]


def select_prompts_of(prompts: pd.DataFrame, truth_ids: Iterable[int]) -> pd.DataFrame:
    """Return the prompts, rows of table `prompts`, for at least one of some instances."""
    wanted = set(truth_ids)
    is_wanted = [ids is not None and not wanted.isdisjoint(ids) for ids in prompts["truth_ids"]]
    return prompts[pd.Series(is_wanted, index=prompts.index, dtype=bool)]


def compute_f1(pairs: pd.DataFrame) -> float | None:
    """Return the F1 at IoU 0.5 over some rows of table `pairs`, as the statistics define it; None if undefined."""
    metric = load_metric(METRIC)
    assert isinstance(metric, SumMetric)  # it needs no ranking
    rows = pairs[metric.row_mask(pairs)]
    statistics = metric.sufficient_statistics(rows)
    value = float(metric.compute({name: values.sum(axis=0, keepdims=True) for name, values in statistics.items()})[0])
    return None if pd.isna(value) else value


def compute_seconds(timing: pd.DataFrame, n_prompts: int) -> float | None:
    """Return the seconds of `n_prompts` prompts of an image.

    Args:
        timing: The rows of table `timing` of the image: one, or none.
        n_prompts: How many of its prompts are meant.
    """
    if timing.empty or not timing["n_prompts"].iloc[0]:
        return None
    row = timing.iloc[0]
    return float(row["encode_ms"] + row["decode_ms"] * n_prompts / row["n_prompts"]) / 1000
