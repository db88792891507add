"""Sequences: every object that the prompts show is followed through the frames that come after."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from samgap.errors import UserError
from samgap.models import Tracker
from samgap.predictions.checks import fault
from samgap.predictions.chunks import Answered, Chunks
from samgap.predictions.estimate import Estimate
from samgap.predictions.rows import TOO_LARGE, open_image, records
from samgap.progress import progress

logger = logging.getLogger("samgap")


class Pictures(Sequence[Image.Image]):
    """The frames of a sequence, each opened when it is asked for; `seconds` is what the reading took."""

    def __init__(self, folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
        self.folder, self.rows, self.seconds = folder, rows, 0.0

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: Any) -> Any:
        started = time.perf_counter()
        picture = open_image(self.folder / self.rows[number]["file"], self.rows[number])
        self.seconds += time.perf_counter() - started
        return picture


def follow(
    tracker: Tracker, images: pd.DataFrame, folder: Path, prompts: pd.DataFrame, device: str, chunks: Chunks
) -> None:
    """Answer `prompts` of kind `track` on `images` (rows of tables `prompts` and `images`), into `chunks`, a sequence
    after the other, from where these stand."""
    sizes = images.groupby("sequence", sort=False).size().tolist()
    if chunks.done:
        logger.info("going on after %d of %d sequences, which were finished before", chunks.done, len(sizes))
    done = sum(sizes[: chunks.done])
    count = {"frames": 0, "masks": 0}
    with progress("predictions", sum(sizes), "frames", done=done) as step:
        try:
            for size, one in zip(
                sizes[chunks.done :], followed(tracker, images, folder, prompts, device, chunks.done), strict=True
            ):
                chunks.add(one)
                for note in one.notes:
                    logger.warning("%s", note)
                count["frames"] += len(one.timing)
                count["masks"] += len(one.masks)
                step(size)
        finally:
            chunks.close()
    logger.info("%d frames, %d masks", count["frames"], count["masks"])


def followed(
    tracker: Tracker, images: pd.DataFrame, folder: Path, prompts: pd.DataFrame, device: str, start: int = 0
) -> Iterator[Answered]:
    """What every sequence gives, in their order in `images`, from number `start` on.

    A mask answers the prompt of its own frame. Frames before the first object is shown have no row in `timing`. A track
    whose showing cannot be asked is left out with all its rows, and named.
    """
    prompts = prompts[prompts["image_id"].isin(images["image_id"])]
    if len(prompts) and images["sequence"].isna().any():
        raise UserError("images.parquet: an image that is no frame of a sequence; prompts of kind track need sequences")
    sequences = [rows for _, rows in images.groupby("sequence", sort=False)][start:]
    estimate = Estimate(device, sum(map(len, sequences)))
    for of_sequence in sequences:
        frames = records(of_sequence.sort_values("frame"))
        place = {frame["image_id"]: number for number, frame in enumerate(frames)}
        asked, notes = _sorted_out(records(prompts[prompts["image_id"].isin(place)]), frames, place)
        found = Answered([], [], notes)
        try:
            for times in _sequence(tracker, Pictures(folder, frames), place, asked, found):
                found.timing.append({**times, "device": device})
                estimate.step((times["encode_ms"] + times["decode_ms"]) / 1e3)
        except (RuntimeError, MemoryError) as error:
            from samgap.models._batches import out_of_memory  # imports torch

            if not out_of_memory(error):
                raise
            raise UserError(f"sequence {frames[0]['sequence']}: {TOO_LARGE}") from error
        yield found


def _sorted_out(
    rows: Sequence[Mapping[str, Any]], frames: Sequence[Mapping[str, Any]], place: Mapping[int, int]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """The rows of those tracks whose showing can be asked, and a line for each other track."""
    faults = {}
    for row in rows:
        frame = frames[place[row["image_id"]]]
        if _shows(row) and (why := fault(row, frame)):
            faults[row["track"]] = f"track {row['track']:.0f}, shown on {frame['file']}, left out: {why}"
    return [row for row in rows if row["track"] not in faults], list(faults.values())


def _sequence(
    tracker: Tracker,
    pictures: Pictures,
    place: Mapping[int, int],
    asked: Sequence[Mapping[str, Any]],
    answered: Answered,
) -> Iterator[dict[str, Any]]:
    """Each frame, from the first that shows an object on: its answers into `answered`; its row of table `timing`."""
    row_of = {(row["track"], place[row["image_id"]]): row for row in asked}
    showing = sorted((row for row in asked if _shows(row)), key=lambda row: (place[row["image_id"]], row["track"]))
    tracks = [row["track"] for row in showing]
    for track in {row["track"] for row in asked}:
        if tracks.count(track) != 1:
            raise UserError(
                f"track {track:.0f} is shown {tracks.count(track)} times in its sequence, not once; make the prompts "
                "again"
            )
    if not showing:
        return
    started = time.perf_counter()
    for frame in tracker.track(pictures, [(place[row["image_id"]], row) for row in showing]):
        now, image = time.perf_counter(), pictures.rows[frame.number]
        if frame.answers is None:
            read, pictures.seconds = pictures.seconds, 0.0
            encode = max(now - started - read, 0.0)
        else:
            answers = {tracks[number]: found for number, found in frame.answers.items()}
            rows = [(row_of[track, frame.number], found) for track, found in answers.items()]
            for row, found in rows:
                answered.add(row, found, image)
            times = {"read_ms": 1e3 * read, "encode_ms": 1e3 * encode, "decode_ms": 1e3 * (now - started)}
            yield {"image_id": image["image_id"], "n_prompts": len(rows), **times}
        started = time.perf_counter()


def _shows(row: Mapping[str, Any]) -> bool:
    return any(row.get(column) is not None and len(row[column]) for column in ("boxes", "points"))
