"""A small finished run for tests of figures: images of discs, ground truth, prompts, masks, pairs and timings."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.paper.figures import FigureRequest
from samgap.tables.images import IMAGES
from samgap.tables.matching import PAIRS
from samgap.tables.parquet import Table
from samgap.tables.predictions import MASKS, TIMING
from samgap.tables.prompts import PROMPTS
from tests.helpers.metric_pairs import make_pair
from tests.helpers.paper import DEMO, MODELS
from tests.helpers.sums import make_table

SIZE = 96
DISC_COUNTS = {0: 4, 1: 1, 2: 0, 3: 2, 4: 3, 5: 2, 6: 6}
"""Image id -> number of discs; images 3 and 5 tie."""
LEAF = 1000
"""Id of the leaf in image 0."""


class DiscRun:
    """A data set of seven images, box prompts, three phrases and two shards of masks for each of two models.

    The discs are the instances of the phrase "apple". Image 0 also has a leaf, with a box prompt.

    Args:
        folder: Where the files are written.
        skipped: Reason why there are no masks; None for masks of all discs.
    """

    def __init__(self, folder: Path, skipped: str | None = None) -> None:
        self.folder, self.skipped = folder, skipped
        (folder / "images").mkdir(parents=True)
        rng = np.random.default_rng(0)
        ys, xs = np.mgrid[:SIZE, :SIZE]
        self.discs: dict[int, list[np.ndarray]] = {}
        for image_id, count in DISC_COUNTS.items():
            pixels = (np.array([60, 110, 45]) + rng.normal(0, 18, (SIZE, SIZE, 3))).clip(0, 255).astype(np.uint8)
            self.discs[image_id] = []
            for disc in range(count):
                cx, cy = 16 + 30 * (disc % 3), 20 + 40 * (disc // 3)
                mask = (xs - cx) ** 2 + (ys - cy) ** 2 <= 12**2
                pixels[mask] = [190, 40, 35] if disc % 2 else [150, 190, 70]
                self.discs[image_id].append(mask)
            Image.fromarray(pixels).save(folder / "images" / f"tree-{image_id}.png")
        self.image_table = folder / "images.parquet"
        rows = [
            {"image_id": i, "file": f"tree-{i}.png", "width": SIZE, "height": SIZE, "group": str(i)}
            for i in DISC_COUNTS
        ]
        IMAGES.write(self.image_table, rows)
        discs = [(image_id, disc) for image_id, count in DISC_COUNTS.items() for disc in range(count)]
        self.truth = self._write_truth()
        boxes = [self._box(*disc) for disc in discs]
        leaf = {**boxes[0], "prompt_id": "0-leaf", "truth_ids": [LEAF]}
        self.box_prompts = self._write_prompts("box", [*boxes, leaf])
        phrases = []
        for image_id, count in DISC_COUNTS.items():
            phrases.append(self._phrase(image_id, "apple", [10 * image_id + disc for disc in range(count)]))
            phrases.append(self._phrase(image_id, "pear", []))
            phrases.append(self._phrase(image_id, "ripe apple", None))
        self.phrase_prompts = self._write_prompts("concepts", phrases)
        masks = [self._mask(f"{i}-{disc}", i, 0, 0.3, self.discs[i][disc]) for i, disc in discs]
        self.spatial_masks = self._write_masks("spatial", masks)
        pairs = [make_pair(i, "box", 1, 1, 1) | {"prompt_id": f"{i}-{disc}"} for i, disc in discs]
        # The mask of the leaf is wrong, which must not change the F1 of the apples.
        pairs.append(make_pair(0, "box", 1, 1, 0) | {"prompt_id": "0-leaf"})
        self.spatial_pairs = self._write_pairs("spatial", pairs)
        self.spatial_timing = self._write_timing("spatial", 10.0, {i: n for i, n in DISC_COUNTS.items() if n})
        masks = []
        for i in DISC_COUNTS:
            for k, disc_mask in enumerate(self.discs[i]):
                masks.append(self._mask(f"{i}-apple", i, k, 0.9 - 0.1 * k, np.roll(disc_mask, 3, axis=1)))
            masks.append(self._mask(f"{i}-pear", i, 0, 0.99, np.ones((SIZE, SIZE), bool)))
        self.concept_masks = self._write_masks("concept", masks)
        pairs = [make_pair(i, truth=n, predicted=n + 1, matched=n) for i, n in DISC_COUNTS.items()]
        self.concept_pairs = self._write_pairs("concept", pairs)
        self.concept_timing = self._write_timing("concept", 30.0, dict.fromkeys(DISC_COUNTS, 3))

    def request(self, phrase: str = "apple", images: int = 3, models: Mapping[str, str] = DEMO) -> FigureRequest:
        """Return the request for the figure prompt-or-concept of this run."""
        inputs = {
            "images": str(self.folder / "images"),
            "image_table": str(self.image_table),
            "truth": str(self.truth),
            "spatial_prompts": str(self.box_prompts),
            "concept_prompts": str(self.phrase_prompts),
            "spatial_masks": self.spatial_masks,
            "concept_masks": self.concept_masks,
            "spatial_pairs": self.spatial_pairs,
            "concept_pairs": self.concept_pairs,
            "spatial_timing": self.spatial_timing,
            "concept_timing": self.concept_timing,
        }
        entry = {
            "dataset": "discs",
            "spatial": {"model": models["spatial"], "prompts": "box"},
            "concept": {"model": models["concept"], "prompts": "concepts", "phrase": phrase},
            "images": images,
        }
        return FigureRequest("prompt-or-concept", inputs, entry, MODELS, 0.5)

    def _write_prompts(self, name: str, rows: list[dict[str, Any]]) -> Path:
        path = self.folder / f"prompts={name}" / "prompts.parquet"
        blank = {"phrase": None, "points": None, "boxes": None, "mask": None}
        PROMPTS.write(path, [{**blank, **row} for row in rows])
        return path

    def _box(self, image_id: int, disc: int) -> dict[str, Any]:
        ys, xs = np.nonzero(self.discs[image_id][disc])
        corners = {"x0": xs.min(), "y0": ys.min(), "x1": xs.max() + 1, "y1": ys.max() + 1}
        box = {**{key: float(value) for key, value in corners.items()}, "label": 1}
        row = {"prompt_id": f"{image_id}-{disc}", "image_id": image_id, "kind": "box"}
        return {**row, "boxes": [box], "truth_ids": [10 * image_id + disc]}

    @staticmethod
    def _phrase(image_id: int, phrase: str, truth_ids: list[int] | None) -> dict[str, Any]:
        row = {"prompt_id": f"{image_id}-{phrase.replace(' ', '-')}", "image_id": image_id, "kind": "phrase"}
        return {**row, "phrase": phrase, "truth_ids": truth_ids}

    @staticmethod
    def _mask(prompt_id: str, image_id: int, prediction_id: int, score: float, mask: np.ndarray) -> dict[str, Any]:
        rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        row = {"prompt_id": prompt_id, "prediction_id": prediction_id, "image_id": image_id, "score": score}
        box = {"x0": 0.0, "y0": 0.0, "x1": float(SIZE), "y1": float(SIZE), "height": SIZE, "width": SIZE}
        return {**row, **box, "area_px": int(mask.sum()), "rle": rle["counts"]}

    def _write_truth(self) -> Path:
        """Write the discs, and the leaf in image 0, which has a box alone."""
        annotations = []
        for image_id, discs in self.discs.items():
            for disc, mask in enumerate(discs):
                encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
                annotation = {"id": 10 * image_id + disc, "image_id": image_id, "category_id": 1, "bbox": [0, 0, 9, 9]}
                rle = {"size": [SIZE, SIZE], "counts": encoded["counts"].decode()}
                annotations.append({**annotation, "area": int(mask.sum()), "segmentation": rle})
        leaf = {"id": LEAF, "image_id": 0, "category_id": 2, "bbox": [0, 0, 9, 9], "area": 81}
        coco = {
            "info": {"nouns": ["apple", "leaf"], "attributes": {}},
            "categories": [{"id": 1, "name": "apple"}, {"id": 2, "name": "leaf"}],
            "images": [{"id": image_id, "file_name": f"tree-{image_id}.png"} for image_id in DISC_COUNTS],
            "annotations": [*annotations, leaf],
        }
        path = self.folder / "instances.json"
        path.write_text(json.dumps(coco), encoding="utf-8")
        return path

    def _write_masks(self, name: str, rows: list[dict[str, Any]]) -> list[str]:
        return self._write_shards(name, MASKS, pd.DataFrame(rows))

    def _write_pairs(self, name: str, rows: list[dict[str, Any]]) -> list[str]:
        return self._write_shards(name, PAIRS, make_table("pairs", rows))

    def _write_timing(self, name: str, decode_ms: float, n_prompts: dict[int, int]) -> list[str]:
        """Write timings: 50 ms of the encoder, and `decode_ms` for each prompt of an image."""
        rows = [
            {
                "image_id": i,
                "n_prompts": n,
                "read_ms": 1.0,
                "encode_ms": 50.0,
                "decode_ms": decode_ms * n,
                "device": "cpu",
            }
            for i, n in n_prompts.items()
        ]
        return self._write_shards(name, TIMING, pd.DataFrame(rows))

    def _write_shards(self, name: str, table: Table, rows: pd.DataFrame) -> list[str]:
        """Write a table of a model in two shards; image k of the data set is in shard k modulo 2."""
        paths = []
        for shard in range(2):
            path = self.folder / name / f"shard={shard:03d}" / f"{table.name}.parquet"
            in_shard = rows[rows["image_id"].map(list(DISC_COUNTS).index) % 2 == shard]
            table.write(
                path, rows.iloc[:0] if self.skipped else in_shard, {"skipped": self.skipped} if self.skipped else {}
            )
            paths.append(str(path))
        return paths
