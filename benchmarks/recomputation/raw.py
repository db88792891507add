"""The files of a run as they are: configuration, ground truth, prompts and predictions of a cell."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from pycocotools import mask as coco_mask

OFFICIAL_SCORES = {"sam3": 0.5, "owlv2": 0.1}
"""The default score threshold of each family's own code, for families with scores of phrases."""
TYPE_KEYS = {"models": "family", "prompts": "kind", "datasets": "kind"}
"""Sections of catalogs, and the key that a complete entry of each has."""
LABELLED_DISTANCE = 0.1
"""Default distance from which a prediction is far from all labels, in image heights."""


class Run:
    """A finished run.

    Args:
        folder: The checkout.
        config_files: The configuration files of the run, relative to it.
    """

    def __init__(self, folder: Path, *config_files: str) -> None:
        self.folder = folder
        self.config: dict[str, Any] = {}
        for file in config_files:
            self.config = merge(self.config, self._read_yaml(file))
        sources = [*map(self._read_yaml, self.config.get("catalogs", [])), self.config]
        for section, type_key in TYPE_KEYS.items():
            entries: dict[str, Any] = {}
            for source in sources:
                for id, entry in source.get(section, {}).items():
                    # An entry without its type only changes keys of the one before.
                    entries[id] = entry if type_key in entry else merge(entries.get(id, {}), entry)
            self.config[section] = entries
        self.results = folder / "results" / self.config["run"]

    def _read_yaml(self, file: str) -> dict[str, Any]:
        content: dict[str, Any] = yaml.safe_load((self.folder / file).read_text(encoding="utf-8"))
        return content

    def read_table(self, name: str) -> pd.DataFrame:
        """Return a table of the folder `statistics`; an empty one if the run has none of the name."""
        path = self.results / "statistics" / f"{name}.parquet"
        return pd.read_parquet(path) if path.exists() else pd.DataFrame()

    def get_official_score(self, model: str) -> float:
        """Return the score from which masks of phrases count."""
        entry = self.config["models"][model]
        for value in (self.config["statistics"].get("score-threshold"), entry.get("score-threshold")):
            if value is not None:
                return float(value)
        if "detector" in entry:
            return self.get_official_score(entry["detector"])
        return OFFICIAL_SCORES.get(entry["family"], 0.5)

    def is_exhaustive(self, dataset: str) -> bool:
        """Return whether every object of the data set's nouns is labelled; by default, only MinneApple's are not."""
        entry = self.config["datasets"].get(dataset, {})
        return bool(entry.get("exhaustive", entry.get("kind") != "minneapple"))

    def get_labelled_distance(self, dataset: str) -> float:
        """Return the distance from which a prediction is far from all labels, in image heights."""
        return float(self.config["datasets"].get(dataset, {}).get("labelled-distance", LABELLED_DISTANCE))


def merge(old: Any, new: Any) -> Any:
    """Return nested mappings with the values of the newer one; other values are replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return {**old, **{key: merge(old[key], value) if key in old else value for key, value in new.items()}}


@dataclass(frozen=True)
class Mask:
    """A mask with its number of pixels, as COCO RLE."""

    counts: bytes
    size: tuple[int, int]
    area: int

    def decode(self) -> np.ndarray:
        """Return the mask, bool (height, width)."""
        decoded: np.ndarray = coco_mask.decode({"size": list(self.size), "counts": self.counts})
        return decoded.astype(bool)


@dataclass(frozen=True)
class Instance:
    """An annotated instance."""

    id: int
    noun: str
    attributes: dict[str, str]
    is_ignored: bool
    track: int | None
    mask: Mask
    box: tuple[float, float, float, float]
    """Of the mask's pixels, ends exclusive."""


@dataclass(frozen=True)
class Prediction:
    """A predicted mask."""

    id: int
    score: float
    clicks: int | None
    mask: Mask
    box: tuple[float, float, float, float]
    """As the model returned it."""


@dataclass(frozen=True)
class Image:
    """An image with its instances, in the order of their ids."""

    id: int
    file_name: str
    size: tuple[int, int]
    strata: dict[str, str]
    group: Any
    sequence: Any
    frame: int | None
    instances: list[Instance]


def read_truth(folder: Path, dataset: str) -> dict[int, Image]:
    """Return the images of a data set by id.

    Raises:
        ValueError: An instance has no mask.
    """
    path = folder / "resources" / "datasets" / dataset / "instances.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    nouns = {category["id"]: category["name"] for category in content["categories"]}
    instances: dict[int, list[Instance]] = {image["id"]: [] for image in content["images"]}
    for item in sorted(content["annotations"], key=lambda item: item["id"]):
        if not item.get("segmentation"):
            raise ValueError(f"{path}: annotation {item['id']} has no mask")
        instances[item["image_id"]].append(_read_instance(item, nouns[item["category_id"]]))
    return {
        item["id"]: Image(
            item["id"],
            item["file_name"],
            (item["height"], item["width"]),
            item.get("attributes", {}),
            item.get("group"),
            item.get("sequence"),
            item.get("frame"),
            instances[item["id"]],
        )
        for item in content["images"]
    }


def _read_instance(item: dict[str, Any], noun: str) -> Instance:
    counts = item["segmentation"]["counts"]
    rle = {"size": item["segmentation"]["size"], "counts": counts.encode() if isinstance(counts, str) else counts}
    if isinstance(counts, list):
        rle = coco_mask.frPyObjects(rle, *rle["size"])
    pixels = coco_mask.decode(rle)
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if len(rows) else (0, 0, 0, 0)
    mask = Mask(rle["counts"], tuple(rle["size"]), int(pixels.sum()))
    is_ignored = bool(item.get("ignore") or item.get("iscrowd"))
    return Instance(item["id"], noun, item.get("attributes", {}), is_ignored, item.get("track"), mask, box)


@dataclass(frozen=True)
class RawCell:
    """The files of one data set, model and prompt set."""

    prompts: pd.DataFrame
    masks: pd.DataFrame
    unpredicted: frozenset[str]
    """Prompts that the model could not predict."""
    skip_reason: str | None
    """Why there are no predictions."""

    @classmethod
    def read(cls, run: Run, dataset: str, model: str, prompts: str) -> "RawCell":
        """Read the prompts and all shards of the predictions."""
        cell = f"dataset={dataset}/model={model}/prompts={prompts}"
        tables, unpredicted, skip_reason = [], set(), None
        for path in sorted((run.results / "predictions" / cell).rglob("masks.parquet")):
            table = pd.read_parquet(path)
            provenance = read_provenance(path)
            unpredicted.update(provenance.get("unpredicted", ()))
            skip_reason = skip_reason or provenance.get("skipped")
            tables.append(table)
        path = run.results / "prompts" / f"dataset={dataset}" / f"prompts={prompts}" / "prompts.parquet"
        return cls(pd.read_parquet(path), pd.concat(tables), frozenset(unpredicted), skip_reason)

    def iter_prompts(self) -> Iterator[tuple[Any, list[Prediction]]]:
        """Yield the rows of table `prompts`, as named tuples, with their predictions in the order of their ids."""
        masks_by_prompt = dict(iter(self.masks.groupby("prompt_id", sort=False)))
        for prompt in self.prompts.sort_values(["image_id", "prompt_id"]).itertuples(index=False):
            rows = masks_by_prompt.get(prompt.prompt_id)
            predictions = [] if rows is None else [_read_prediction(row) for row in rows.itertuples(index=False)]
            yield prompt, sorted(predictions, key=lambda prediction: prediction.id)


def _read_prediction(row: Any) -> Prediction:
    pixels = coco_mask.decode({"size": [row.height, row.width], "counts": row.rle})
    mask = Mask(row.rle, (row.height, row.width), int(pixels.sum()))
    clicks = None if pd.isna(row.clicks) else int(row.clicks)
    return Prediction(row.prediction_id, float(row.score), clicks, mask, (row.x0, row.y0, row.x1, row.y1))


def read_provenance(path: Path) -> dict[str, Any]:
    """Return what the metadata of a Parquet file say about its making."""
    import pyarrow.parquet as pq

    content: dict[str, Any] = json.loads((pq.read_schema(path).metadata or {}).get(b"samgap", b"{}"))
    return content
