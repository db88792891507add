"""Sequences: every object that the prompts show is followed through the frames that come after."""

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from samgap.errors import UserError
from samgap.models import Tracker
from samgap.predictions.rows import mask_row, open_image, records
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
    tracker: Tracker, images: pd.DataFrame, folder: Path, prompts: pd.DataFrame, device: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of the tables `masks` and `timing` for `images` (rows of table `images`) and `prompts` of kind `track`.

    A mask answers the prompt of its own frame. Frames before the first object is shown have no row in `timing`.
    """
    prompts = prompts[prompts["image_id"].isin(images["image_id"])]
    if len(prompts) and images["sequence"].isna().any():
        raise UserError("images.parquet: an image that is no frame of a sequence; prompts of kind track need sequences")
    masks: list[dict[str, Any]] = []
    timing: list[dict[str, Any]] = []
    with progress("predictions", len(images), "frames") as step:
        for _, of_sequence in images.groupby("sequence", sort=False) if len(prompts) else []:
            frames = records(of_sequence.sort_values("frame"))
            place = {frame["image_id"]: number for number, frame in enumerate(frames)}
            asked = records(prompts[prompts["image_id"].isin(place)])
            found = _sequence(tracker, Pictures(folder, frames), place, asked)
            masks += found[0]
            timing += [{**row, "device": device} for row in found[1]]
            step(len(frames))
    logger.info("%d frames, %d prompts, %d masks", len(timing), sum(row["n_prompts"] for row in timing), len(masks))
    return masks, timing


def _sequence(
    tracker: Tracker, pictures: Pictures, place: Mapping[int, int], asked: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    row_of = {(row["track"], place[row["image_id"]]): row for row in asked}
    showing = sorted((row for row in asked if _shows(row)), key=lambda row: (place[row["image_id"]], row["track"]))
    tracks = [row["track"] for row in showing]
    for track in {row["track"] for row in asked}:
        if tracks.count(track) != 1:
            raise UserError(
                f"track {track} is shown {tracks.count(track)} times in its sequence, not once; make the prompts again"
            )
    masks: list[dict[str, Any]] = []
    timing: list[dict[str, Any]] = []
    if not showing:
        return masks, timing
    started = time.perf_counter()
    for frame in tracker.track(pictures, [(place[row["image_id"]], row) for row in showing]):
        now, image = time.perf_counter(), pictures.rows[frame.number]
        if frame.answers is None:
            read, pictures.seconds = pictures.seconds, 0.0
            encode = max(now - started - read, 0.0)
        else:
            answers = {tracks[number]: found for number, found in frame.answers.items()}
            rows = [(row_of[track, frame.number], found) for track, found in answers.items()]
            masks += [mask_row(row, 0, one, image) for row, found in rows for one in found]
            times = {"read_ms": 1e3 * read, "encode_ms": 1e3 * encode, "decode_ms": 1e3 * (now - started)}
            timing.append({"image_id": image["image_id"], "n_prompts": len(rows), **times})
        started = time.perf_counter()
    return masks, timing


def _shows(row: Mapping[str, Any]) -> bool:
    return any(row.get(column) is not None and len(row[column]) for column in ("boxes", "points"))
