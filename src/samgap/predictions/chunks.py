"""What of a shard is finished lies aside, so that a killed job goes on where it stood.

Chunks lie in a folder that is named by a hash of all that they were made from, where Snakemake does not look: it
removes what a killed job was to write. Each is one file, whole or not there. The shard's tables are written from them,
a group of rows at a time; then they are removed.
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
"""After so long a chunk is closed: no more than that is lost."""
MAX_CHUNK_IMAGES = 256
"""Images a chunk has at most, for the memory that they take."""
NAN_SCORE_MESSAGE = (
    "a score of its answer is no number; where that happens often, see whether `precision: fp32` mends it"
)
MAX_GROUP_ROWS, MAX_GROUP_BYTES = 1 << 16, 1 << 24
"""A group of rows of the finished table has so many, or so many bytes of RLE, whatever chunks they came in."""


@dataclass
class PredictionOutput:
    """What an image gave: rows of tables `masks` and `timing`, and what was left out or changed, a line each."""

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
        """The rows of what answers a prompt (after 1, 2 … clicks, with `clicks`), unless a score is no number."""
        if any(math.isnan(one.score) for one in predictions):
            self.warnings.append(
                f"prompt {prompt['prompt_id']} of image {image_row['file']} left out: {NAN_SCORE_MESSAGE}"
            )
            return
        for index, one in enumerate(predictions):
            self.mask_rows.append(make_mask_row(prompt, index, one, image_row, index + 1 if per_click else None))


class ChunkStore:
    """Chunks of the shard that is made from `made_of` (anything that JSON can hold), in a folder below `aside`."""

    def __init__(self, folder: Path, fingerprint: Mapping[str, Any], max_seconds: float = MAX_CHUNK_SECONDS) -> None:
        key = hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()[:20]
        self.root_folder, self.chunk_folder, self.max_seconds = folder, folder / key, max_seconds
        self.files: list[Path] = []
        self.n_done = 0
        for path, images in self._iter_chunks():
            self.files.append(path)
            self.n_done += images
        self._start_chunk()

    def _iter_chunks(self) -> Iterator[tuple[Path, int]]:
        """The chunks that follow one another from the first image on, with their numbers of images."""
        start = 0
        while (path := self._chunk_path(start)).is_file():
            images = parquet.read_provenance(path)["images"]
            yield path, images
            start += images

    def _chunk_path(self, start: int) -> Path:
        return self.chunk_folder / f"{start:07d}.parquet"

    def _start_chunk(self) -> None:
        self.start_time, self.n_pending, self.pending = time.monotonic(), 0, PredictionOutput()

    def add(self, output: PredictionOutput) -> None:
        """The next image of the shard, or the next sequence where it follows tracks."""
        self.n_pending += 1
        self.pending.mask_rows += output.mask_rows
        self.pending.timing_rows += output.timing_rows
        self.pending.warnings += output.warnings
        if self.n_pending >= MAX_CHUNK_IMAGES or time.monotonic() - self.start_time >= self.max_seconds:
            self.flush()

    def flush(self) -> None:
        """Put aside what came since the last chunk."""
        if self.n_pending:
            path = self._chunk_path(self.n_done)
            told = {"images": self.n_pending, "timing": self.pending.timing_rows, "notes": self.pending.warnings}
            MASKS.write(path, self.pending.mask_rows, told)
            self.files.append(path)
            self.n_done += self.n_pending
        self._start_chunk()

    def write_tables(self, masks_path: str | Path, timing_path: str | Path, provenance: Mapping[str, Any]) -> list[str]:
        """Write both tables of the shard, `masks` last; returns all notes, which are in its provenance as `notes`."""
        notes, times = [], []
        for path in self.files:
            told = parquet.read_provenance(path)
            notes += told["notes"]
            times += told["timing"]
        notes = list(dict.fromkeys(notes))
        TIMING.write(timing_path, times, {"device": provenance.get("device")})
        more = {**provenance, **({"notes": notes} if notes else {})}
        metadata = {b"table": b"masks", parquet.PROVENANCE_KEY: json.dumps(more, sort_keys=True).encode()}
        schema = MASKS.schema.with_metadata(metadata)
        with atomic_write(masks_path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for rows in _iter_row_groups(self.files, schema):
                writer.write_table(rows, row_group_size=MAX_GROUP_ROWS)
        return notes

    def remove(self) -> None:
        """The shard is finished: nothing lies aside any more, nor what earlier inputs left."""
        shutil.rmtree(self.root_folder, ignore_errors=True)


def _iter_row_groups(files: list[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    waiting = schema.empty_table()
    for path in files:
        waiting = pa.concat_tables([waiting, pq.ParquetFile(path).read().cast(schema)])
        while number := _row_group_length(waiting):
            yield waiting.slice(0, number)
            waiting = waiting.slice(number)
    if len(waiting):
        yield waiting


def _row_group_length(rows: pa.Table) -> int:
    """How many of the first rows make a group; 0 where they do not yet."""
    sizes = np.cumsum(pc.binary_length(rows["rle"]).to_numpy())
    number = min(int(np.searchsorted(sizes, MAX_GROUP_BYTES)) + 1, MAX_GROUP_ROWS)
    return number if number <= len(rows) else 0
