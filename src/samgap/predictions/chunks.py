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
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from samgap.errors import DamagedFileError, UserError
from samgap.io.ownership import Ownership
from samgap.models import Prediction
from samgap.predictions.checks import ModelLabel, check_finite_share
from samgap.predictions.image_io import make_mask_row
from samgap.tables import checksums, parquet
from samgap.tables.predictions import MASKS, TIMING

logger = logging.getLogger("samgap")

MAX_CHUNK_SECONDS = 20.0
"""A chunk is written after this time, so that a killed job loses no more than the work of this time."""
MAX_CHUNK_IMAGES = 256
"""The maximum number of images in a chunk, which bounds the memory."""
NOT_FINITE_MESSAGE = (
    "a score or mask of its predictions is NaN or infinite; its instances count as missed, and a phrase without an "
    "instance is not evaluable"
)
MAX_GROUP_ROWS = 1 << 16
"""The maximum number of rows in a row group of table `masks`."""
MAX_GROUP_BYTES = 1 << 24
"""A row group ends with the row that brings its RLEs to this size. Row groups do not depend on the chunks."""


@dataclass
class PredictionOutput:
    """The output for one image or sequence: rows of tables `masks` and `timing`, and warnings.

    `not_finite_images` has the image of each prompt whose predictions are not finite, and `unpredicted` the ids of
    these and of the invalid prompts.
    """

    mask_rows: list[dict[str, Any]] = field(default_factory=list)
    timing_rows: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    not_finite_images: list[str] = field(default_factory=list)
    unpredicted: list[str] = field(default_factory=list)

    def extend(self, other: "PredictionOutput") -> None:
        """Add all entries of another output."""
        for entries in fields(self):
            getattr(self, entries.name).extend(getattr(other, entries.name))

    def add_predictions(
        self,
        prompt: Mapping[str, Any],
        predictions: Sequence[Prediction],
        image_row: Mapping[str, Any],
        per_click: bool = False,
    ) -> None:
        """Add the predictions for one prompt, or a warning if one of their scores is not finite.

        Args:
            prompt: row of table `prompts`.
            predictions: of the prompt; with `per_click` those after 1, 2 … clicks.
            image_row: row of table `images`.
            per_click: whether to fill column `clicks`.
        """
        if not all(math.isfinite(prediction.score) for prediction in predictions):
            self.warnings.append(
                f"prompt {prompt['prompt_id']} of image {image_row['file']} skipped: {NOT_FINITE_MESSAGE}"
            )
            self.not_finite_images.append(image_row["file"])
            self.unpredicted.append(prompt["prompt_id"])
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
        ownership: of the folder. If another process has taken it over, nothing more is written or removed; None if no
            other process can write into the folder.

    Attributes:
        n_done: the number of images (sequences, if the prompts are tracks) in the completed chunks.
        n_prompts: the number of prompts of all images that were added, also of those in completed chunks.
        not_finite_images: the image of each of these prompts whose predictions are not finite.
    """

    def __init__(
        self,
        folder: Path,
        fingerprint: Mapping[str, Any],
        max_seconds: float = MAX_CHUNK_SECONDS,
        ownership: Ownership | None = None,
    ) -> None:
        key = hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()[:20]
        self.root_folder, self.chunk_folder, self.max_seconds = folder, folder / key, max_seconds
        self.ownership = ownership
        self.files: list[Path] = []
        self.n_done = self.n_prompts = 0
        self.not_finite_images: list[str] = []
        for path, metadata in self._iter_chunks():
            self.files.append(path)
            self.n_done += metadata["images"]
            self._count_prompts(metadata["timing"], metadata["not_finite_images"])
        self._start_chunk()

    def _iter_chunks(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        """Yield the files of consecutive chunks from the first image on, and their metadata."""
        start = 0
        while (path := self._get_chunk_path(start)).is_file():
            try:
                checksums.verify_checksums(path)
            except DamagedFileError as error:
                logger.warning("%s: its images are predicted again", error)
                path.unlink()
                return
            metadata = parquet.read_provenance(path)
            yield path, metadata
            start += metadata["images"]

    def _count_prompts(self, timing_rows: Sequence[Mapping[str, Any]], not_finite_images: Sequence[str]) -> None:
        self.n_prompts += sum(row["n_prompts"] for row in timing_rows)
        self.not_finite_images += not_finite_images

    def _get_chunk_path(self, start: int) -> Path:
        return self.chunk_folder / f"{start:07d}.parquet"

    def _start_chunk(self) -> None:
        self.start_time, self.n_pending, self.pending = time.monotonic(), 0, PredictionOutput()

    def add(self, output: PredictionOutput) -> None:
        """Add the output of the next image (the next sequence, if the prompts are tracks)."""
        self.n_pending += 1
        self._count_prompts(output.timing_rows, output.not_finite_images)
        self.pending.extend(output)
        if self.n_pending >= MAX_CHUNK_IMAGES or time.monotonic() - self.start_time >= self.max_seconds:
            self.flush()

    def flush(self) -> None:
        """Write the output added since the last chunk as a new chunk."""
        if self.n_pending:
            self._check_owner()
            path = self._get_chunk_path(self.n_done)
            metadata = {
                "images": self.n_pending,
                "timing": self.pending.timing_rows,
                "notes": self.pending.warnings,
                "not_finite_images": self.pending.not_finite_images,
                "unpredicted": self.pending.unpredicted,
            }
            MASKS.write(path, self.pending.mask_rows, metadata)
            self.files.append(path)
            self.n_done += self.n_pending
        self._start_chunk()

    def _check_owner(self) -> None:
        if self.ownership is not None:
            self.ownership.check()

    def check_finite(self, n_prompts: int, model: ModelLabel) -> None:
        """Check that the predictions of most of `n_prompts` prompts are finite.

        If they are not, the chunks with such predictions are deleted, so that the next run predicts them again: the
        cause may be the GPU of this run.

        Raises:
            UserError: most predictions are NaN or infinite.
        """
        try:
            check_finite_share(self.not_finite_images, n_prompts, model)
        except UserError:
            self.flush()
            for path in self.files:
                if parquet.read_provenance(path)["not_finite_images"]:
                    path.unlink()
            raise

    def write_tables(self, masks_path: str | Path, timing_path: str | Path, provenance: Mapping[str, Any]) -> list[str]:
        """Write the tables `timing` and `masks` of the shard; the warnings are in the provenance of `masks` as `notes`,
        the number of prompts whose predictions are not finite as `n_not_finite`, and the ids of all prompts that could
        not be predicted as `unpredicted`.

        Returns:
            The warnings, each once.
        """
        self._check_owner()
        warnings: list[str] = []
        unpredicted: list[str] = []
        timing_rows: list[dict[str, Any]] = []
        for path in self.files:
            metadata = parquet.read_provenance(path)
            warnings += metadata["notes"]
            unpredicted += metadata["unpredicted"]
            timing_rows += metadata["timing"]
        warnings = list(dict.fromkeys(warnings))
        TIMING.write(timing_path, timing_rows, {"device": provenance.get("device")})
        masks_provenance = {**provenance, **({"notes": warnings} if warnings else {})}
        if unpredicted:
            masks_provenance["unpredicted"] = unpredicted
        if self.not_finite_images:
            masks_provenance["n_not_finite"] = len(self.not_finite_images)
        schema = MASKS.schema.with_metadata(parquet.make_metadata(MASKS.name, masks_provenance))
        with parquet.open_writer(masks_path, schema) as writer:
            for rows in _iter_row_groups(self.files, schema):
                writer.write_table(rows, row_group_size=MAX_GROUP_ROWS)
        return warnings

    def remove(self) -> None:
        """Delete all chunks of the shard, including those of other inputs."""
        self._check_owner()
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
