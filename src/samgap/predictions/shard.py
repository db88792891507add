"""Prediction of one shard of images: each image is encoded once and all its prompts are predicted.

Threads read the next images and convert the masks of the last images to RLE while the model runs. The number of images
in memory is bounded by `N_PREFETCHED_IMAGES` and `MAX_PENDING_IMAGES`, whatever the size of the shard.
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
from samgap.models.runtime.arithmetic import restore_arithmetic
from samgap.models.runtime.rle_workers import rle_worker_pool
from samgap.predictions.checks import UNNAMED_MODEL, ModelLabel, split_valid
from samgap.predictions.chunks import ChunkStore, PredictionOutput
from samgap.predictions.image_io import OUT_OF_MEMORY_MESSAGE, open_image, to_records
from samgap.predictions.model_rows import select_model_rows
from samgap.predictions.time_estimate import RuntimeEstimator
from samgap.prompts.kinds import get_row_kind

logger = logging.getLogger("samgap")

N_PREFETCHED_IMAGES = 2
"""Images that are read ahead of the model."""
MAX_PENDING_IMAGES = 2
"""Images whose masks are still being converted to RLE while the model runs on further images."""
N_RLE_THREADS = 2
"""Threads that convert masks to RLE."""


def predict_shard(
    model: Model,
    images: pd.DataFrame,
    image_folder: Path,
    prompts: pd.DataFrame,
    device: str,
    chunks: ChunkStore,
    truth: GroundTruth | None = None,
    *,
    label: ModelLabel = UNNAMED_MODEL,
) -> None:
    """Predict all prompts on all images, starting after the completed chunks. Skipped prompts are logged.

    Args:
        model: the loaded model.
        images: table `images` of the shard.
        image_folder: the folder that the files of `images` are relative to.
        prompts: table `prompts`.
        device: "cpu" or "cuda".
        chunks: receives the output.
        truth: the ground truth; only prompts of kind `clicks` use it, to place the correcting clicks.
        label: the model in messages.

    Raises:
        UserError: an image cannot be predicted, or most predictions are NaN or infinite.
    """
    if chunks.n_done:
        logger.info("resuming after %d of %d images", chunks.n_done, len(images))
    n_prompts = n_masks = 0
    n_all_prompts = int(prompts["image_id"].isin(images["image_id"]).sum())
    remaining = images.iloc[chunks.n_done :]
    with report_progress("predictions", len(images), "images", initial=chunks.n_done) as step:
        try:
            for output in predict_images(model, remaining, image_folder, prompts, device, truth):
                chunks.add(output)
                for warning in output.warnings:
                    logger.warning("%s", warning)
                n_prompts += sum(row["n_prompts"] for row in output.timing_rows)
                n_masks += len(output.mask_rows)
                step(1)
                chunks.check_finite(n_all_prompts, label)
        finally:
            chunks.flush()
    chunks.check_finite(chunks.n_prompts, label)
    logger.info("%d images, %d prompts, %d masks", len(remaining), n_prompts, n_masks)


def predict_images(
    model: Model,
    images: pd.DataFrame,
    image_folder: Path,
    prompts: pd.DataFrame,
    device: str,
    truth: GroundTruth | None = None,
) -> Iterator[PredictionOutput]:
    """Yield the output of each image, in the order of `images`. An image without prompts is neither read nor encoded.

    The arguments are those of `predict_shard`.
    """
    prompt_rows = prompts.groupby("image_id").indices
    estimator = RuntimeEstimator(device, int(images["image_id"].isin(list(prompt_rows)).sum()))
    with ThreadPoolExecutor(1, "read") as reader, rle_worker_pool(N_RLE_THREADS):
        unread = deque(to_records(images[["image_id", "file", "width", "height"]]))
        prefetched: deque[_ImageJob] = deque()
        pending: deque[_ImageJob] = deque()
        while unread or prefetched:
            while unread and len(prefetched) <= N_PREFETCHED_IMAGES:
                image_row = unread.popleft()
                positions = prompt_rows.get(image_row["image_id"], [])
                prefetched.append(_ImageJob(image_row, to_records(prompts.iloc[positions]), image_folder, reader))
            pending.append(prefetched.popleft())
            seconds = pending[-1].predict(model, device, truth)
            if seconds is not None:
                estimator.update(seconds)
            if len(pending) > MAX_PENDING_IMAGES:
                yield pending.popleft().collect_output()
        while pending:
            yield pending.popleft().collect_output()


class _ImageJob:
    """One image: it is read by a thread, its prompts are predicted, and its masks are collected later."""

    def __init__(
        self, image_row: dict[str, Any], prompts: list[dict[str, Any]], image_folder: Path, reader: ThreadPoolExecutor
    ) -> None:
        self.image_row = image_row
        self.prompts, self.warnings = split_valid(prompts, image_row)
        valid_ids = {prompt["prompt_id"] for prompt in self.prompts}
        self.invalid_ids = [prompt["prompt_id"] for prompt in prompts if prompt["prompt_id"] not in valid_ids]
        self.image_future = (
            reader.submit(_read_image_timed, image_folder / image_row["file"], image_row) if self.prompts else None
        )
        self.timing_rows: list[dict[str, Any]] = []
        self.predictions: Sequence[Sequence[Prediction]] = []

    def predict(self, model: Model, device: str, truth: GroundTruth | None) -> float | None:
        """Encode the image and predict its prompts; return the seconds spent, or None without prompts."""
        if self.image_future is None:
            return None
        image, read_ms = self.image_future.result()
        self.image_future = None  # frees the pixels while the masks are pending
        restore_arithmetic()
        start_time = time.perf_counter()
        try:
            model.set_image(image)
            encoded_time = time.perf_counter()
            self.predictions = _predict_prompts(model, self.prompts, self.image_row, truth)
        except (RuntimeError, MemoryError) as error:
            from samgap.models.runtime.batching import is_out_of_memory  # imports torch

            if not is_out_of_memory(error):
                raise
            raise UserError(f"image {self.image_row['file']}: {OUT_OF_MEMORY_MESSAGE}") from error
        except UserError as error:
            raise UserError(f"image {self.image_row['file']}: {error}") from error
        end_time = time.perf_counter()
        self._collect_model_warnings(model)
        times = {
            "read_ms": read_ms,
            "encode_ms": 1e3 * (encoded_time - start_time),
            "decode_ms": 1e3 * (end_time - encoded_time),
            "detect_ms": getattr(model, "detect_ms", None),
        }
        self.timing_rows = [
            {"image_id": self.image_row["image_id"], "n_prompts": len(self.prompts), **times, "device": device}
        ]
        return end_time - start_time

    def _collect_model_warnings(self, model: Model) -> None:
        """Move the model's warnings about prompts (for example a phrase that is too long) to this image."""
        model_warnings = getattr(model, "warnings", None)
        if model_warnings:
            self.warnings += model_warnings
            model_warnings.clear()

    def collect_output(self) -> PredictionOutput:
        """Wait for the masks and return the rows of the tables."""
        per_click = bool(self.prompts) and get_row_kind(self.prompts[0]["kind"]).interactive
        output = PredictionOutput([], self.timing_rows, self.warnings, unpredicted=self.invalid_ids)
        for prompt, predictions in zip(self.prompts, self.predictions, strict=True):
            output.add_predictions(prompt, predictions, self.image_row, per_click)
        return output


def _read_image_timed(path: Path, image_row: Mapping[str, Any]) -> tuple[Image.Image, float]:
    """Return the image and the time of reading it in ms."""
    start_time = time.perf_counter()
    return open_image(path, image_row), 1e3 * (time.perf_counter() - start_time)


def _predict_prompts(
    model: Model, prompts: Sequence[Mapping[str, Any]], image_row: Mapping[str, Any], truth: GroundTruth | None
) -> Sequence[Sequence[Prediction]]:
    model_rows = select_model_rows(prompts)
    if not get_row_kind(prompts[0]["kind"]).interactive:
        return model.predict(model_rows)
    from samgap.models.runtime.clicks import run_click_protocol  # imports torch

    assert truth is not None
    by_id = {item.id: item for item in truth.instances_of(image_row["image_id"])}
    truth_masks = [by_id[row["truth_ids"][0]].decode_mask() for row in prompts]
    return run_click_protocol(model, model_rows, truth_masks)  # type: ignore[arg-type]
