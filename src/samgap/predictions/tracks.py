"""Prediction of sequences: each object is tracked from its prompted frame to the last frame."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from samgap.errors import UserError
from samgap.io.progress import report_progress
from samgap.models import Tracker
from samgap.models.runtime.arithmetic import restore_arithmetic
from samgap.predictions.checks import UNNAMED_MODEL, ModelLabel, find_prompt_fault
from samgap.predictions.chunks import ChunkStore, PredictionOutput
from samgap.predictions.image_io import OUT_OF_MEMORY_MESSAGE, open_image, to_records
from samgap.predictions.model_rows import select_model_row
from samgap.predictions.time_estimate import RuntimeEstimator

logger = logging.getLogger("samgap")


class LazyFrames(Sequence[Image.Image]):
    """The frames of a sequence as RGB images, each read when it is indexed.

    Args:
        image_folder: the folder that the files of `frame_rows` are relative to.
        frame_rows: rows of table `images`, in the order of the frames.

    Attributes:
        read_seconds: the time spent on reading since it was last reset.
    """

    def __init__(self, image_folder: Path, frame_rows: Sequence[Mapping[str, Any]]) -> None:
        self.image_folder, self.frame_rows, self.read_seconds = image_folder, frame_rows, 0.0

    def __len__(self) -> int:
        return len(self.frame_rows)

    def __getitem__(self, index: Any) -> Any:
        start_time = time.perf_counter()
        image = open_image(self.image_folder / self.frame_rows[index]["file"], self.frame_rows[index])
        self.read_seconds += time.perf_counter() - start_time
        return image


def predict_tracks(
    tracker: Tracker,
    images: pd.DataFrame,
    image_folder: Path,
    prompts: pd.DataFrame,
    device: str,
    chunks: ChunkStore,
    *,
    label: ModelLabel = UNNAMED_MODEL,
) -> None:
    """Predict all prompts of kind `track`, one sequence after the other, starting after the completed chunks.

    Args:
        tracker: the loaded video model.
        images: table `images` of the shard, with all frames of its sequences.
        image_folder: the folder that the files of `images` are relative to.
        prompts: table `prompts`.
        device: "cpu" or "cuda".
        chunks: receives the output, one sequence at a time.
        label: the model in messages.

    Raises:
        UserError: a sequence cannot be predicted, or most predictions are NaN or infinite.
    """
    sequence_lengths = images.groupby("sequence", sort=False).size().tolist()
    if chunks.n_done:
        logger.info("resuming after %d of %d sequences", chunks.n_done, len(sequence_lengths))
    n_frames_done = sum(sequence_lengths[: chunks.n_done])
    n_frames = n_masks = 0
    n_all_prompts = int(prompts["image_id"].isin(images["image_id"]).sum())
    with report_progress("predictions", sum(sequence_lengths), "frames", initial=n_frames_done) as step:
        try:
            for length, output in zip(
                sequence_lengths[chunks.n_done :],
                _predict_sequences(tracker, images, image_folder, prompts, device, chunks.n_done),
                strict=True,
            ):
                chunks.add(output)
                for warning in output.warnings:
                    logger.warning("%s", warning)
                n_frames += len(output.timing_rows)
                n_masks += len(output.mask_rows)
                step(length)
                chunks.check_finite(n_all_prompts, label)
        finally:
            chunks.flush()
    chunks.check_finite(chunks.n_prompts, label)
    logger.info("%d frames, %d masks", n_frames, n_masks)


def _predict_sequences(
    tracker: Tracker,
    images: pd.DataFrame,
    image_folder: Path,
    prompts: pd.DataFrame,
    device: str,
    first_sequence: int = 0,
) -> Iterator[PredictionOutput]:
    """Yield the output of each sequence, in the order of `images`, from index `first_sequence` on.

    A mask belongs to the prompt row of its own frame. Frames before the first prompt have no row in table `timing`. A
    track with an invalid prompt is skipped with all its rows, and a warning.
    """
    prompts = prompts[prompts["image_id"].isin(images["image_id"])]
    if len(prompts) and images["sequence"].isna().any():
        raise UserError(
            "images.parquet: an image is not a frame of a sequence; prompts of kind track need sequences, use another "
            "data set"
        )
    sequences = [rows for _, rows in images.groupby("sequence", sort=False)][first_sequence:]
    estimator = RuntimeEstimator(device, sum(map(len, sequences)))
    for sequence_images in sequences:
        frames = to_records(sequence_images.sort_values("frame"))
        frame_numbers = {frame["image_id"]: number for number, frame in enumerate(frames)}
        sequence_prompts = to_records(prompts[prompts["image_id"].isin(frame_numbers)])
        valid_prompts, warnings = _split_valid_tracks(sequence_prompts, frames, frame_numbers)
        output = PredictionOutput([], [], warnings)
        lazy_frames = LazyFrames(image_folder, frames)
        try:
            for timing in _track_sequence(tracker, lazy_frames, frame_numbers, valid_prompts, output):
                output.timing_rows.append({**timing, "device": device})
                estimator.update((timing["encode_ms"] + timing["decode_ms"]) / 1e3)
        except (RuntimeError, MemoryError) as error:
            from samgap.models.runtime.batching import is_out_of_memory  # imports torch

            if not is_out_of_memory(error):
                raise
            raise UserError(f"sequence {frames[0]['sequence']}: {OUT_OF_MEMORY_MESSAGE}") from error
        yield output


def _split_valid_tracks(
    prompts: Sequence[Mapping[str, Any]], frame_rows: Sequence[Mapping[str, Any]], frame_numbers: Mapping[int, int]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Return the rows of the tracks with a valid prompt, and a message for each other track."""
    messages = {}
    for row in prompts:
        frame = frame_rows[frame_numbers[row["image_id"]]]
        if _has_spatial_prompt(row) and (reason := find_prompt_fault(row, frame)):
            messages[row["track"]] = f"track {row['track']:.0f}, prompted on {frame['file']}, skipped: {reason}"
    return [row for row in prompts if row["track"] not in messages], list(messages.values())


def _track_sequence(
    tracker: Tracker,
    frames: LazyFrames,
    frame_numbers: Mapping[int, int],
    prompts: Sequence[Mapping[str, Any]],
    output: PredictionOutput,
) -> Iterator[dict[str, Any]]:
    """Track all objects of a sequence: add the masks to `output` and yield the rows of table `timing`."""
    rows_by_track_and_frame = {(row["track"], frame_numbers[row["image_id"]]): row for row in prompts}
    prompted_rows = _sort_prompted_rows(prompts, frame_numbers)
    if not prompted_rows:
        return
    restore_arithmetic()
    tracks = [row["track"] for row in prompted_rows]
    start_time = time.perf_counter()
    object_prompts = [(frame_numbers[row["image_id"]], select_model_row(row)) for row in prompted_rows]
    for frame in tracker.track(frames, object_prompts):
        now, image_row = time.perf_counter(), frames.frame_rows[frame.index]
        if frame.predictions is None:
            read_seconds, frames.read_seconds = frames.read_seconds, 0.0
            encode_seconds = max(now - start_time - read_seconds, 0.0)
        else:
            for object_number, predictions in frame.predictions.items():
                prompt = rows_by_track_and_frame[tracks[object_number], frame.index]
                output.add_predictions(prompt, predictions, image_row)
            times = {
                "read_ms": 1e3 * read_seconds,
                "encode_ms": 1e3 * encode_seconds,
                "decode_ms": 1e3 * (now - start_time),
            }
            yield {"image_id": image_row["image_id"], "n_prompts": len(frame.predictions), **times}
        start_time = time.perf_counter()


def _sort_prompted_rows(
    prompts: Sequence[Mapping[str, Any]], frame_numbers: Mapping[int, int]
) -> list[Mapping[str, Any]]:
    """Return the rows with a prompt, by frame and track.

    Raises:
        UserError: a track does not have exactly one prompt.
    """
    prompted_rows = [row for row in prompts if _has_spatial_prompt(row)]
    tracks = [row["track"] for row in prompted_rows]
    for track in {row["track"] for row in prompts}:
        if tracks.count(track) != 1:
            raise UserError(
                f"track {track:.0f} has {tracks.count(track)} prompts in its sequence instead of one; make the prompts "
                "again"
            )
    return sorted(prompted_rows, key=lambda row: (frame_numbers[row["image_id"]], row["track"]))


def _has_spatial_prompt(prompt: Mapping[str, Any]) -> bool:
    return any(prompt.get(column) is not None and len(prompt[column]) for column in ("boxes", "points"))
