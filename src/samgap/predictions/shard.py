"""One shard: every image is encoded once, all its prompts are answered, masks are kept as RLE.

While the model works on an image, the next ones are read and the masks of the last are made RLEs, by threads; no more
images are in hand at once than `AHEAD` and `BEHIND` say, however many a shard has.
"""

import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from samgap.annotations.ground_truth import GroundTruth
from samgap.errors import UserError
from samgap.io.progress import report_progress
from samgap.models import Model, Prediction
from samgap.predictions.checks import split_valid
from samgap.predictions.chunks import ChunkStore, PredictionOutput
from samgap.predictions.image_io import OUT_OF_MEMORY_MESSAGE, open_image, to_records
from samgap.predictions.time_estimate import RuntimeEstimator

logger = logging.getLogger("samgap")

N_PREFETCHED_IMAGES = 2
"""Images that are read before the model wants them."""
MAX_PENDING_IMAGES = 2
"""Images whose masks may still be in the making when the model goes on."""
N_RLE_THREADS = 2
"""Threads that make RLEs."""


def predict_shard(
    model: Model,
    images: pd.DataFrame,
    image_folder: Path,
    prompts: pd.DataFrame,
    device: str,
    chunks: ChunkStore,
    truth: GroundTruth | None = None,
) -> None:
    """Answer `prompts` on `images` (rows of tables `prompts` and `images`), into `chunks`, from where these stand.

    Clicks correct an answer by the `truth`, which nothing else here may see. What was left out of a prompt set, and
    why, is told in the log.
    """
    if chunks.n_done:
        logger.info("going on after %d of %d images, which were finished before", chunks.n_done, len(images))
    count = {"prompts": 0, "masks": 0}
    left = images.iloc[chunks.n_done :]
    with report_progress("predictions", len(images), "images", initial=chunks.n_done) as step:
        try:
            for one in predict_images(model, left, image_folder, prompts, device, truth):
                chunks.add(one)
                for note in one.warnings:
                    logger.warning("%s", note)
                count["prompts"] += sum(row["n_prompts"] for row in one.timing_rows)
                count["masks"] += len(one.mask_rows)
                step(1)
        finally:
            chunks.flush()
    logger.info("%d images, %d prompts, %d masks", len(left), count["prompts"], count["masks"])


def predict_images(
    model: Model,
    images: pd.DataFrame,
    image_folder: Path,
    prompts: pd.DataFrame,
    device: str,
    truth: GroundTruth | None = None,
) -> Iterator[PredictionOutput]:
    """What every image gives, in their order; one without prompts is neither read nor encoded."""
    from samgap.models.runtime.predictions import rle_worker_pool  # imports torch

    rows_of = prompts.groupby("image_id").indices
    estimate = RuntimeEstimator(device, int(images["image_id"].isin(list(rows_of)).sum()))
    behind: deque[_ImageJob] = deque()
    with ThreadPoolExecutor(1, "read") as reader, rle_worker_pool(N_RLE_THREADS):
        waiting = deque(to_records(images[["image_id", "file", "width", "height"]]))
        ahead: deque[_ImageJob] = deque()
        while waiting or ahead:
            while waiting and len(ahead) <= N_PREFETCHED_IMAGES:
                image = waiting.popleft()
                rows = to_records(prompts.iloc[rows_of[image["image_id"]]]) if image["image_id"] in rows_of else []
                ahead.append(_ImageJob(image, rows, image_folder, reader))
            behind.append(ahead.popleft())
            seconds = behind[-1].predict(model, device, truth)
            if seconds is not None:
                estimate.update(seconds)
            if len(behind) > MAX_PENDING_IMAGES:
                yield behind.popleft().collect_output()
        while behind:
            yield behind.popleft().collect_output()


class _ImageJob:
    """An image on its way: being read, asked about, and its answers awaited."""

    def __init__(
        self, image_row: dict[str, Any], prompts: list[dict[str, Any]], image_folder: Path, reader: ThreadPoolExecutor
    ) -> None:
        self.image_row = image_row
        self.prompts, self.warnings = split_valid(prompts, image_row)
        self.image_future = (
            reader.submit(_read_image_timed, image_folder / image_row["file"], image_row) if self.prompts else None
        )
        self.timing_rows: list[dict[str, Any]] = []
        self.predictions: Sequence[Sequence[Prediction]] = []

    def predict(self, model: Model, device: str, truth: GroundTruth | None) -> float | None:
        """Encode the image and ask its prompts; the seconds that took, or None where there was nothing to ask."""
        if self.image_future is None:
            return None
        from samgap.models.runtime.batching import is_out_of_memory  # imports torch

        picture, read_ms = self.image_future.result()
        self.image_future = None  # or it would be held as long as its answers
        started = time.perf_counter()
        try:
            model.set_image(picture)
            encoded = time.perf_counter()
            self.predictions = _predict_prompts(model, self.prompts, self.image_row, truth)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise UserError(f"image {self.image_row['file']}: {OUT_OF_MEMORY_MESSAGE}") from error
        except UserError as error:
            raise UserError(f"image {self.image_row['file']}: {error}") from error
        done = time.perf_counter()
        notes = getattr(model, "warnings", None)
        if notes:
            self.warnings += notes
            notes.clear()
        times = {"read_ms": read_ms, "encode_ms": 1e3 * (encoded - started), "decode_ms": 1e3 * (done - encoded)}
        self.timing_rows = [
            {"image_id": self.image_row["image_id"], "n_prompts": len(self.prompts), **times, "device": device}
        ]
        return done - started

    def collect_output(self) -> PredictionOutput:
        clicks = bool(self.prompts) and self.prompts[0].get("kind") == "clicks"
        one = PredictionOutput([], self.timing_rows, self.warnings)
        for row, found in zip(self.prompts, self.predictions, strict=True):
            one.add_predictions(row, found, self.image_row, clicks)
        return one


def _read_image_timed(path: Path, image_row: Mapping[str, Any]) -> tuple[Image.Image, float]:
    started = time.perf_counter()
    return open_image(path, image_row), 1e3 * (time.perf_counter() - started)


def _predict_prompts(
    model: Model, prompts: Sequence[Mapping[str, Any]], image_row: Mapping[str, Any], truth: GroundTruth | None
) -> Sequence[Sequence[Prediction]]:
    if prompts[0].get("kind") != "clicks":
        return model.predict(prompts)
    from samgap.models.runtime.clicks import run_click_protocol  # imports torch

    assert truth is not None
    by_id = {item.id: item for item in truth.instances_of(image_row["image_id"])}
    return run_click_protocol(model, prompts, [by_id[row["truth_ids"][0]].decode_mask() for row in prompts])  # type: ignore[arg-type]
