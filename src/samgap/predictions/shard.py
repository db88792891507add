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

from samgap.errors import UserError
from samgap.models import Model, Prediction
from samgap.predictions.checks import sorted_out
from samgap.predictions.chunks import Answered, Chunks
from samgap.predictions.estimate import Estimate
from samgap.predictions.rows import TOO_LARGE, open_image, records
from samgap.progress import progress
from samgap.truth import Truth

logger = logging.getLogger("samgap")

AHEAD = 2
"""Images that are read before the model wants them."""
BEHIND = 2
"""Images whose masks may still be in the making when the model goes on."""
WORKERS = 2
"""Threads that make RLEs."""


def predict(
    model: Model,
    images: pd.DataFrame,
    folder: Path,
    prompts: pd.DataFrame,
    device: str,
    chunks: Chunks,
    truth: Truth | None = None,
) -> None:
    """Answer `prompts` on `images` (rows of tables `prompts` and `images`), into `chunks`, from where these stand.

    Clicks correct an answer by the `truth`, which nothing else here may see. What was left out of a prompt set, and
    why, is told in the log.
    """
    if chunks.done:
        logger.info("going on after %d of %d images, which were finished before", chunks.done, len(images))
    count = {"prompts": 0, "masks": 0}
    left = images.iloc[chunks.done :]
    with progress("predictions", len(images), "images", done=chunks.done) as step:
        try:
            for one in answered(model, left, folder, prompts, device, truth):
                chunks.add(one)
                for note in one.notes:
                    logger.warning("%s", note)
                count["prompts"] += sum(row["n_prompts"] for row in one.timing)
                count["masks"] += len(one.masks)
                step(1)
        finally:
            chunks.close()
    logger.info("%d images, %d prompts, %d masks", len(left), count["prompts"], count["masks"])


def answered(
    model: Model, images: pd.DataFrame, folder: Path, prompts: pd.DataFrame, device: str, truth: Truth | None = None
) -> Iterator[Answered]:
    """What every image gives, in their order; one without prompts is neither read nor encoded."""
    from samgap.models._predictions import workers  # imports torch

    rows_of = prompts.groupby("image_id").indices
    estimate = Estimate(device, int(images["image_id"].isin(list(rows_of)).sum()))
    behind: deque[_Image] = deque()
    with ThreadPoolExecutor(1, "read") as reader, workers(WORKERS):
        waiting = deque(records(images[["image_id", "file", "width", "height"]]))
        ahead: deque[_Image] = deque()
        while waiting or ahead:
            while waiting and len(ahead) <= AHEAD:
                image = waiting.popleft()
                rows = records(prompts.iloc[rows_of[image["image_id"]]]) if image["image_id"] in rows_of else []
                ahead.append(_Image(image, rows, folder, reader))
            behind.append(ahead.popleft())
            seconds = behind[-1].ask(model, device, truth)
            if seconds is not None:
                estimate.step(seconds)
            if len(behind) > BEHIND:
                yield behind.popleft().answered()
        while behind:
            yield behind.popleft().answered()


class _Image:
    """An image on its way: being read, asked about, and its answers awaited."""

    def __init__(
        self, image: dict[str, Any], rows: list[dict[str, Any]], folder: Path, reader: ThreadPoolExecutor
    ) -> None:
        self.image = image
        self.rows, self.notes = sorted_out(rows, image)
        self.picture = reader.submit(_read, folder / image["file"], image) if self.rows else None
        self.timing: list[dict[str, Any]] = []
        self.answers: Sequence[Sequence[Prediction]] = []

    def ask(self, model: Model, device: str, truth: Truth | None) -> float | None:
        """Encode the image and ask its prompts; the seconds that took, or None where there was nothing to ask."""
        if self.picture is None:
            return None
        from samgap.models._batches import out_of_memory  # imports torch

        picture, read_ms = self.picture.result()
        self.picture = None  # or it would be held as long as its answers
        started = time.perf_counter()
        try:
            model.encode(picture)
            encoded = time.perf_counter()
            self.answers = _answers(model, self.rows, self.image, truth)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            raise UserError(f"image {self.image['file']}: {TOO_LARGE}") from error
        except UserError as error:
            raise UserError(f"image {self.image['file']}: {error}") from error
        done = time.perf_counter()
        notes = getattr(model, "notes", None)
        if notes:
            self.notes += notes
            notes.clear()
        times = {"read_ms": read_ms, "encode_ms": 1e3 * (encoded - started), "decode_ms": 1e3 * (done - encoded)}
        self.timing = [{"image_id": self.image["image_id"], "n_prompts": len(self.rows), **times, "device": device}]
        return done - started

    def answered(self) -> Answered:
        clicks = bool(self.rows) and self.rows[0].get("kind") == "clicks"
        one = Answered([], self.timing, self.notes)
        for row, found in zip(self.rows, self.answers, strict=True):
            one.add(row, found, self.image, clicks)
        return one


def _read(path: Path, image: Mapping[str, Any]) -> tuple[Image.Image, float]:
    started = time.perf_counter()
    return open_image(path, image), 1e3 * (time.perf_counter() - started)


def _answers(
    model: Model, rows: Sequence[Mapping[str, Any]], image: Mapping[str, Any], truth: Truth | None
) -> Sequence[Sequence[Prediction]]:
    if rows[0].get("kind") != "clicks":
        return model.answer(rows)
    from samgap.models._clicks import clicked  # imports torch

    assert truth is not None
    by_id = {item.id: item for item in truth.of(image["image_id"])}
    return clicked(model, rows, [by_id[row["truth_ids"][0]].mask() for row in rows])  # type: ignore[arg-type]
