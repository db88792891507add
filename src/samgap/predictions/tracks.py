"""Sequences: every object that the prompts show is followed through the frames that come after."""

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
from samgap.predictions.checks import invalid_reason
from samgap.predictions.chunks import ChunkStore, PredictionOutput
from samgap.predictions.image_io import OUT_OF_MEMORY_MESSAGE, open_image, to_records
from samgap.predictions.time_estimate import RuntimeEstimator

logger = logging.getLogger("samgap")


class LazyFrames(Sequence[Image.Image]):
    """The frames of a sequence, each opened when it is asked for; `seconds` is what the reading took."""

    def __init__(self, image_folder: Path, frame_rows: Sequence[Mapping[str, Any]]) -> None:
        self.image_folder, self.frame_rows, self.read_seconds = image_folder, frame_rows, 0.0

    def __len__(self) -> int:
        return len(self.frame_rows)

    def __getitem__(self, index: Any) -> Any:
        started = time.perf_counter()
        picture = open_image(self.image_folder / self.frame_rows[index]["file"], self.frame_rows[index])
        self.read_seconds += time.perf_counter() - started
        return picture


def predict_tracks(
    tracker: Tracker, images: pd.DataFrame, image_folder: Path, prompts: pd.DataFrame, device: str, chunks: ChunkStore
) -> None:
    """Answer `prompts` of kind `track` on `images` (rows of tables `prompts` and `images`), into `chunks`, a sequence
    after the other, from where these stand."""
    sizes = images.groupby("sequence", sort=False).size().tolist()
    if chunks.n_done:
        logger.info("going on after %d of %d sequences, which were finished before", chunks.n_done, len(sizes))
    done = sum(sizes[: chunks.n_done])
    count = {"frames": 0, "masks": 0}
    with report_progress("predictions", sum(sizes), "frames", initial=done) as step:
        try:
            for size, one in zip(
                sizes[chunks.n_done :],
                _predict_sequences(tracker, images, image_folder, prompts, device, chunks.n_done),
                strict=True,
            ):
                chunks.add(one)
                for note in one.warnings:
                    logger.warning("%s", note)
                count["frames"] += len(one.timing_rows)
                count["masks"] += len(one.mask_rows)
                step(size)
        finally:
            chunks.flush()
    logger.info("%d frames, %d masks", count["frames"], count["masks"])


def _predict_sequences(
    tracker: Tracker,
    images: pd.DataFrame,
    image_folder: Path,
    prompts: pd.DataFrame,
    device: str,
    first_sequence: int = 0,
) -> Iterator[PredictionOutput]:
    """What every sequence gives, in their order in `images`, from number `start` on.

    A mask answers the prompt of its own frame. Frames before the first object is shown have no row in `timing`. A track
    whose showing cannot be asked is left out with all its rows, and named.
    """
    prompts = prompts[prompts["image_id"].isin(images["image_id"])]
    if len(prompts) and images["sequence"].isna().any():
        raise UserError("images.parquet: an image that is no frame of a sequence; prompts of kind track need sequences")
    sequences = [rows for _, rows in images.groupby("sequence", sort=False)][first_sequence:]
    estimate = RuntimeEstimator(device, sum(map(len, sequences)))
    for of_sequence in sequences:
        frames = to_records(of_sequence.sort_values("frame"))
        place = {frame["image_id"]: number for number, frame in enumerate(frames)}
        asked, notes = _split_valid_tracks(to_records(prompts[prompts["image_id"].isin(place)]), frames, place)
        found = PredictionOutput([], [], notes)
        try:
            for times in _track_sequence(tracker, LazyFrames(image_folder, frames), place, asked, found):
                found.timing_rows.append({**times, "device": device})
                estimate.update((times["encode_ms"] + times["decode_ms"]) / 1e3)
        except (RuntimeError, MemoryError) as error:
            from samgap.models.runtime.batching import is_out_of_memory  # imports torch

            if not is_out_of_memory(error):
                raise
            raise UserError(f"sequence {frames[0]['sequence']}: {OUT_OF_MEMORY_MESSAGE}") from error
        yield found


def _split_valid_tracks(
    prompts: Sequence[Mapping[str, Any]], frame_rows: Sequence[Mapping[str, Any]], frame_numbers: Mapping[int, int]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The rows of those tracks whose showing can be asked, and a line for each other track."""
    faults = {}
    for row in prompts:
        frame = frame_rows[frame_numbers[row["image_id"]]]
        if _has_spatial_prompt(row) and (why := invalid_reason(row, frame)):
            faults[row["track"]] = f"track {row['track']:.0f}, shown on {frame['file']}, left out: {why}"
    return [row for row in prompts if row["track"] not in faults], list(faults.values())


def _track_sequence(
    tracker: Tracker,
    frames: LazyFrames,
    frame_numbers: Mapping[int, int],
    prompts: Sequence[Mapping[str, Any]],
    output: PredictionOutput,
) -> Iterator[dict[str, Any]]:
    """Each frame, from the first that shows an object on: its answers into `answered`; its row of table `timing`."""
    row_of = {(row["track"], frame_numbers[row["image_id"]]): row for row in prompts}
    showing = sorted(
        (row for row in prompts if _has_spatial_prompt(row)),
        key=lambda row: (frame_numbers[row["image_id"]], row["track"]),
    )
    tracks = [row["track"] for row in showing]
    for track in {row["track"] for row in prompts}:
        if tracks.count(track) != 1:
            raise UserError(
                f"track {track:.0f} is shown {tracks.count(track)} times in its sequence, not once; make the prompts "
                "again"
            )
    if not showing:
        return
    started = time.perf_counter()
    for frame in tracker.track(frames, [(frame_numbers[row["image_id"]], row) for row in showing]):
        now, image = time.perf_counter(), frames.frame_rows[frame.index]
        if frame.predictions is None:
            read, frames.read_seconds = frames.read_seconds, 0.0
            encode = max(now - started - read, 0.0)
        else:
            answers = {tracks[number]: found for number, found in frame.predictions.items()}
            rows = [(row_of[track, frame.index], found) for track, found in answers.items()]
            for row, found in rows:
                output.add_predictions(row, found, image)
            times = {"read_ms": 1e3 * read, "encode_ms": 1e3 * encode, "decode_ms": 1e3 * (now - started)}
            yield {"image_id": image["image_id"], "n_prompts": len(rows), **times}
        started = time.perf_counter()


def _has_spatial_prompt(prompt: Mapping[str, Any]) -> bool:
    return any(prompt.get(column) is not None and len(prompt[column]) for column in ("boxes", "points"))
