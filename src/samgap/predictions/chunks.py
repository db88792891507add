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

from samgap import tables
from samgap.files import replacing
from samgap.models import Prediction
from samgap.predictions.rows import mask_row

logger = logging.getLogger("samgap")

SECONDS = 20.0
"""After so long a chunk is closed: no more than that is lost."""
MOST = 256
"""Images a chunk has at most, for the memory that they take."""
NO_NUMBER = "a score of its answer is no number; where that happens often, see whether `precision: fp32` mends it"
ROWS, BYTES = 1 << 16, 1 << 24
"""A group of rows of the finished table has so many, or so many bytes of RLE, whatever chunks they came in."""


@dataclass
class Answered:
    """What an image gave: rows of tables `masks` and `timing`, and what was left out or changed, a line each."""

    masks: list[dict[str, Any]] = field(default_factory=list)
    timing: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(
        self, prompt: Mapping[str, Any], found: Sequence[Prediction], image: Mapping[str, Any], clicks: bool = False
    ) -> None:
        """The rows of what answers a prompt (after 1, 2 … clicks, with `clicks`), unless a score is no number."""
        if any(math.isnan(one.score) for one in found):
            self.notes.append(f"prompt {prompt['prompt_id']} of image {image['file']} left out: {NO_NUMBER}")
            return
        for index, one in enumerate(found):
            self.masks.append(mask_row(prompt, index, one, image, index + 1 if clicks else None))


class Chunks:
    """Chunks of the shard that is made from `made_of` (anything that JSON can hold), in a folder below `aside`."""

    def __init__(self, aside: Path, made_of: Mapping[str, Any], seconds: float = SECONDS) -> None:
        key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:20]
        self.aside, self.folder, self.seconds = aside, aside / key, seconds
        self.files: list[Path] = []
        self.done = 0
        for path, images in self._found():
            self.files.append(path)
            self.done += images
        self._begin()

    def _found(self) -> Iterator[tuple[Path, int]]:
        """The chunks that follow one another from the first image on, with their numbers of images."""
        start = 0
        while (path := self._path(start)).is_file():
            images = tables.provenance(path)["images"]
            yield path, images
            start += images

    def _path(self, start: int) -> Path:
        return self.folder / f"{start:07d}.parquet"

    def _begin(self) -> None:
        self.started, self.images, self.now = time.monotonic(), 0, Answered()

    def add(self, one: Answered) -> None:
        """The next image of the shard, or the next sequence where it follows tracks."""
        self.images += 1
        self.now.masks += one.masks
        self.now.timing += one.timing
        self.now.notes += one.notes
        if self.images >= MOST or time.monotonic() - self.started >= self.seconds:
            self.close()

    def close(self) -> None:
        """Put aside what came since the last chunk."""
        if self.images:
            path = self._path(self.done)
            told = {"images": self.images, "timing": self.now.timing, "notes": self.now.notes}
            tables.write(path, "masks", self.now.masks, told)
            self.files.append(path)
            self.done += self.images
        self._begin()

    def write(self, masks: str | Path, timing: str | Path, provenance: Mapping[str, Any]) -> list[str]:
        """Write both tables of the shard, `masks` last; returns all notes, which are in its provenance as `notes`."""
        notes, times = [], []
        for path in self.files:
            told = tables.provenance(path)
            notes += told["notes"]
            times += told["timing"]
        notes = list(dict.fromkeys(notes))
        tables.write(timing, "timing", times, {"device": provenance.get("device")})
        more = {**provenance, **({"notes": notes} if notes else {})}
        metadata = {b"table": b"masks", tables.PROVENANCE: json.dumps(more, sort_keys=True).encode()}
        schema = tables.SCHEMAS["masks"].with_metadata(metadata)
        with replacing(masks) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
            for rows in _grouped(self.files, schema):
                writer.write_table(rows, row_group_size=ROWS)
        return notes

    def remove(self) -> None:
        """The shard is finished: nothing lies aside any more, nor what earlier inputs left."""
        shutil.rmtree(self.aside, ignore_errors=True)


def _grouped(files: list[Path], schema: pa.Schema) -> Iterator[pa.Table]:
    waiting = schema.empty_table()
    for path in files:
        waiting = pa.concat_tables([waiting, pq.ParquetFile(path).read().cast(schema)])
        while number := _full(waiting):
            yield waiting.slice(0, number)
            waiting = waiting.slice(number)
    if len(waiting):
        yield waiting


def _full(rows: pa.Table) -> int:
    """How many of the first rows make a group; 0 where they do not yet."""
    sizes = np.cumsum(pc.binary_length(rows["rle"]).to_numpy())
    number = min(int(np.searchsorted(sizes, BYTES)) + 1, ROWS)
    return number if number <= len(rows) else 0
