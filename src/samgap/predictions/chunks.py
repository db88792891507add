"""Completed chunks of a shard, kept outside Snakemake's outputs so that a killed job can resume.

Snakemake deletes the outputs of a killed job, so chunks are in a separate folder, named by a hash of all their inputs.
A chunk is one file and is written atomically. At the end the tables of the shard are written from the chunks, one row
group at a time, and the chunks are deleted.
"""

import hashlib
import json
import logging
import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from samgap.io.files import atomic_write
from samgap.models import Prediction
from samgap.predictions.image_io import make_mask_row
from samgap.tables import parquet
from samgap.tables.predictions import MASKS, TIMING

logger = logging.getLogger("samgap")

MAX_CHUNK_SECONDS = 20.0
"""A chunk is written after this time, so that a killed job loses no more than the work of this time."""
MAX_CHUNK_IMAGES = 256
"""The maximum number of images in a chunk, which bounds the memory."""
NAN_SCORE_MESSAGE = "the score of a prediction is NaN; if that happens often, try the model's option `precision: fp32`"
MAX_GROUP_ROWS = 1 << 16
"""The maximum number of rows in a row group of table `masks`."""
MAX_GROUP_BYTES = 1 << 24
"""A row group ends with the row that brings its RLEs to this size. Row groups do not depend on the chunks."""


@dataclass
class PredictionOutput:
    """The output for one image or sequence: rows of tables `masks` and `timing`, and warnings."""

    mask_rows: list[dict[str, Any]] = field(default_factory=list)
    timing_rows: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add_predictions(
        self,
        prompt: Mapping[str, Any],
        predictions: Sequence[Prediction],
        image_row: Mapping[str, Any],
        per_click: bool = False,
    ) -> None:
        """Add the predictions for one prompt, or a warning if one of their scores is NaN.

        Args:
            prompt: row of table `prompts`.
            predictions: of the prompt; with `per_click` those after 1, 2 … clicks.
            image_row: row of table `images`.
            per_click: whether to fill column `clicks`.
        """
        if any(math.isnan(prediction.score) for prediction in predictions):
            self.warnings.append(
                f"prompt {prompt['prompt_id']} of image {image_row['file']} skipped: {NAN_SCORE_MESSAGE}"
            )
            return
        for index, prediction in enumerate(predictions):
            n_clicks = index + 1 if per_click else None
            self.mask_rows.append(make_mask_row(prompt, index, prediction, image_row, n_clicks))


class ChunkStore:
    """The completed chunks of one shard.

    Args:
        folder: the folder of the shard's chunks, which may also contain chunks of other inputs.
        fingerprint: all inputs of the shard, as JSON values. Chunks with another fingerprint are not used.
        max_seconds: the time after which a chunk is written.

    Attributes:
        n_done: the number of images (sequences, if the prompts are tracks) in the completed chunks.
    """

    def __init__(self, folder: Path, fingerprint: Mapping[str, Any], max_seconds: float = MAX_CHUNK_SECONDS) -> None:
        key = hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()[:20]
        self.root_folder, self.chunk_folder, self.max_seconds = folder, folder / key, max_seconds
        self.files: list[Path] = []
        self.n_done = 0
        for path, n_images in self._iter_chunks():
            self.files.append(path)
            self.n_done += n_images
        self._start_chunk()

    def _iter_chunks(self) -> Iterator[tuple[Path, int]]:
        """Yield the files of consecutive chunks from the first image on, and their numbers of images."""
        start = 0
        while (path := self._get_chunk_path(start)).is_file():
            n_images = parquet.read_provenance(path)["images"]
            yield path, n_images
            start += n_images

    def _get_chunk_path(self, start: int) -> Path:
        return self.chunk_folder / f"{start:07d}.parquet"

    def _start_chunk(self) -> None:
        self.start_time, self.n_pending, self.pending = time.monotonic(), 0, PredictionOutput()

    def add(self, output: PredictionOutput) -> None:
        """Add the output of the next image (the next sequence, if the prompts are tracks)."""
        self.n_pending += 1
        self.pending.mask_rows += output.mask_rows
        self.pending.timing_rows += output.timing_rows
        self.pending.warnings += output.warnings
        if self.n_pending >= MAX_CHUNK_IMAGES or time.monotonic() - self.start_time >= self.max_seconds:
            self.flush()

    def flush(self) -> None:
        """Write the output added since the last chunk as a new chunk."""
        if self.n_pending:
            path = self._get_chunk_path(self.n_done)
            metadata = {"images": self.n_pending, "timing": self.pending.timing_rows, "notes": self.pending.warnings}
            MASKS.write(path, self.pending.mask_rows, metadata)
            self.files.append(path)
            self.n_done += self.n_pending
        self._start_chunk()

    def write_tables(self, masks_path: str | Path, timing_path: str | Path, provenance: Mapping[str, Any]) -> list[str]:
        """Write the tables `timing` and `masks` of the shard; the warnings are in the provenance of `masks` as `notes`.

        Returns:
            The warnings, each once.
        """
        warnings: list[str] = []
        timing_rows: list[dict[str, Any]] = []
        for path in self.files:
            metadata = parquet.read_provenance(path)
            warnings += metadata["notes"]
            timing_rows += metadata["timing"]
        warnings = list(dict.fromkeys(warnings))
        TIMING.write(timing_path, timing_rows, {"device": provenance.get("device")})
        masks_provenance = {**provenance, **({"notes": warnings} if warnings else {})}
        schema_metadata = {
            b"table": b"masks",
            parquet.PROVENANCE_KEY: json.dumps(masks_provenance, sort_keys=True).encode(),
        }
        schema = MASKS.schema.with_metadata(schema_metadata)
        with atomic_write(masks_path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for rows in _iter_row_groups(self.files, schema):
                writer.write_table(rows, row_group_size=MAX_GROUP_ROWS)
        return warnings

    def remove(self) -> None:
        """Delete all chunks of the shard, including those of other inputs."""
        shutil.rmtree(self.root_folder, ignore_errors=True)


def _iter_row_groups(files: list[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    pending = schema.empty_table()
    for path in files:
        pending = pa.concat_tables([pending, pq.ParquetFile(path).read().cast(schema)])
        while n_rows := _count_group_rows(pending):
            yield pending.slice(0, n_rows)
            pending = pending.slice(n_rows)
    if len(pending):
        yield pending


def _count_group_rows(rows: pa.Table) -> int:
    """Return how many of the first rows form a row group; 0 if there are too few."""
    cumulative_bytes = np.cumsum(pc.binary_length(rows["rle"]).to_numpy())
    n_rows = min(int(np.searchsorted(cumulative_bytes, MAX_GROUP_BYTES)) + 1, MAX_GROUP_ROWS)
    return n_rows if n_rows <= len(rows) else 0
