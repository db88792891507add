"""From frame to frame: what the answers to the same prompt do along a sequence, and whether an object is still the one.

A prompt is the same as one of the frame before if it asks for the same object (its track) or the same phrase. Only the
answers of one frame are kept for the next, so that memory does not grow with a sequence's length.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from samgap import masks as shapes
from samgap import sequences
from samgap.flow import Flow, Reader
from samgap.overlap import MATCH, Overlap

BLANK: dict[str, Any] = {
    **dict.fromkeys(("sequence", "frame", "track", "track_j", "track_f", "step_iou", "warped_iou", "contour_cost")),
    **dict.fromkeys(("n_warped", "n_contours", "n_steps", "n_kept", "n_lasting", "n_flips"), 0),
}
"""Columns of table `pairs` for an image that is no frame of a sequence."""


@dataclass(frozen=True)
class Answer:
    """A prompt (a row of table `prompts`), whether it asks for one object, and positions in its image's `Overlap`."""

    prompt: Any
    spatial: bool
    columns: np.ndarray
    """The truth it asks for."""
    counted: np.ndarray
    """The predictions that count."""
    of_truth: list[int | None]
    """The prediction of each truth."""


@dataclass
class _Shown:
    """What was answered on one frame."""

    mask: shapes.RLE | None
    context: np.ndarray | None
    """The shape context of the contour, of one object's mask."""
    found: dict[int, bool]
    """For each track asked for: was it found at IoU 0.5?"""
    size: tuple[int, int]

    def pixels(self) -> np.ndarray:
        return np.zeros(self.size, bool) if self.mask is None else shapes.decode(self.mask)


def in_order(images: pd.DataFrame) -> pd.DataFrame:
    """`images` (table `images`) with the frames of each sequence in a row, as they follow each other."""
    if images["sequence"].isna().all():
        return images
    alone = pd.Series(range(len(images)), images.index, dtype=object)
    number = pd.factorize(images["sequence"].where(images["sequence"].notna(), alone))[0]
    return images.iloc[np.lexsort((images["frame"].fillna(0).to_numpy(np.int64), number))]


@dataclass
class Steps:
    """Give it the frames of a sequence in their order, and one sequence after the other."""

    flow: Reader
    image: Any = None
    shown: dict[Hashable, _Shown] = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    """The track whose prompt answered for an object when it was last found."""

    def columns(self, image: Overlap, answers: list[Answer]) -> list[dict[str, Any]]:
        """For each answer its columns of table `pairs`."""
        if pd.isna(image.image.sequence):
            return [BLANK.copy() for _ in answers]
        self._begin(image.image)
        shown, kept = self.shown, self._identities(image, answers)
        flow = self.flow(self.image) if shown and self.image.frame + 1 == image.image.frame else None
        self.image, self.shown = image.image, {}
        rows: list[dict[str, Any]] = []
        times: Counter[Hashable] = Counter()
        for answer in answers:
            track = _track(image, answer)
            row = {**BLANK, "sequence": image.image.sequence, "frame": int(image.image.frame), "track": track}
            if answer.prompt.kind == "track" and track in kept:
                row["n_steps"], row["n_kept"] = 1, int(kept[track])
            if answer.spatial and track is not None:
                row["track_j"], row["track_f"] = _j_and_f(image, answer)
            what = (answer.prompt.kind, track if answer.spatial else answer.prompt.phrase)
            if pd.notna(what[1]):
                # The same words may be asked more than once, with other examples.
                times[what] += 1
                key = (*what, times[what])
                self.shown[key] = self._shown(image, answer)
                if key in shown:
                    row |= _step(shown[key], self.shown[key], flow, answer.spatial)
            rows.append(row)
        return rows

    def frame_without_prompts(self, image: Any) -> None:
        """Nothing is asked of the frame `image` (a row of table `images`)."""
        self._begin(image)
        self.image, self.shown = image, {}

    def _begin(self, image: Any) -> None:
        """Forget the sequence before, at the first frame of another."""
        if self.image is None or self.image.sequence != image.sequence:
            self.shown, self.last = {}, {}

    def _shown(self, image: Overlap, answer: Answer) -> _Shown:
        masks = [image.predictions[number] for number in answer.counted]
        mask = shapes.union(masks) if masks else None
        context = None
        if answer.spatial and mask is not None and shapes.areas([mask])[0]:
            context = sequences.shape_context(sequences.contour(shapes.crop(mask).inside))
        found = {}
        for column, prediction in zip(answer.columns.tolist(), answer.of_truth, strict=True):
            track = image.instances[column].track
            if track is not None:
                found[track] = prediction is not None and bool(image.match[prediction, column] >= MATCH)
        return _Shown(mask, context, found, (image.image.height, image.image.width))

    def _identities(self, image: Overlap, answers: list[Answer]) -> dict[int, bool]:
        """Of each object found here and before: was it by the prompt that was to follow the same object?"""
        followed = [(int(answer.prompt.track), answer) for answer in answers if answer.prompt.kind == "track"]
        given = [(track, int(answer.counted[0])) for track, answer in followed if len(answer.counted)]
        truth = [(track, int(answer.columns[0])) for track, answer in followed if len(answer.columns)]
        ious = image.iou[np.ix_([row for _, row in given], [column for _, column in truth])]
        kept = {}
        for row, column in zip(*linear_sum_assignment(ious, maximize=True), strict=True):
            if ious[row, column] >= MATCH:
                track, by = truth[column][0], given[row][0]
                if track in self.last:
                    kept[track] = self.last[track] == by
                self.last[track] = by
        return kept


def _track(image: Overlap, answer: Answer) -> int | None:
    """The object that a spatial prompt asks for."""
    if pd.notna(answer.prompt.track):
        return int(answer.prompt.track)
    return image.instances[answer.columns[0]].track if answer.spatial and len(answer.columns) == 1 else None


def _j_and_f(image: Overlap, answer: Answer) -> tuple[float | None, float | None]:
    """IoU and DAVIS's boundary F of one object, 1 where there is neither object nor mask; None: not known."""
    if answer.prompt.truth_ids is None or not image.masked[answer.columns].all():
        return None, None
    if not len(answer.columns) or not len(answer.counted):
        return (float(len(answer.columns) == len(answer.counted)),) * 2
    prediction, column = int(answer.counted[0]), int(answer.columns[0])
    crops = image.crop("truth", column), image.crop("prediction", prediction)
    return float(image.iou[prediction, column]), sequences.davis_f(*crops, image.image.height, image.image.width)


def _step(before: _Shown, after: _Shown, flow: Flow | None, spatial: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"step_iou": _iou(before.mask, after.mask)}
    if flow is not None:
        found = sequences.warped_iou(before.pixels(), after.pixels(), flow)
        row["warped_iou"], row["n_warped"] = found or 0.0, int(found is not None)
    if spatial:
        row["contour_cost"] = 0.0
        if before.context is not None and after.context is not None:
            row["contour_cost"], row["n_contours"] = sequences.contour_cost(before.context, after.context), 1
    lasting = before.found.keys() & after.found.keys()
    flips = sum(before.found[track] != after.found[track] for track in lasting)
    return {**row, "n_lasting": len(lasting), "n_flips": flips}


def _iou(one: shapes.RLE | None, other: shapes.RLE | None) -> float:
    """1 where both are empty."""
    parts = [[] if mask is None else [mask] for mask in (one, other)]
    common = shapes.intersections(*parts).sum()
    return float(shapes.iou(common, *(shapes.areas(part).sum() for part in parts)))
