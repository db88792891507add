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

from samgap.annotations.optical_flow import FlowReader, OpticalFlow
from samgap.masks import rle as shapes
from samgap.matching import contours
from samgap.matching.overlap import MATCH_THRESHOLD, ImageOverlap

EMPTY_COLUMNS: dict[str, Any] = {
    **dict.fromkeys(("sequence", "frame", "track", "track_j", "track_f", "step_iou", "warped_iou", "contour_cost")),
    **dict.fromkeys(("n_warped", "n_contours", "n_steps", "n_kept", "n_lasting", "n_flips"), 0),
}
"""Columns of table `pairs` for an image that is no frame of a sequence."""


@dataclass(frozen=True)
class PromptMatch:
    """A prompt (a row of table `prompts`), whether it asks for one object, and positions in its image's `Overlap`."""

    prompt: Any
    is_spatial: bool
    truth_columns: np.ndarray
    """The truth it asks for."""
    counted_rows: np.ndarray
    """The predictions that count."""
    assignment: list[int | None]
    """The prediction of each truth."""


@dataclass
class _FramePrediction:
    """What was answered on one frame."""

    mask: shapes.RLE | None
    shape_context: np.ndarray | None
    """The shape context of the contour, of one object's mask."""
    is_track_matched: dict[int, bool]
    """For each track asked for: was it found at IoU 0.5?"""
    image_size: tuple[int, int]

    def decode_mask(self) -> np.ndarray:
        return np.zeros(self.image_size, bool) if self.mask is None else shapes.decode(self.mask)


def sort_frames(images: pd.DataFrame) -> pd.DataFrame:
    """`images` (table `images`) with the frames of each sequence in a row, as they follow each other."""
    if images["sequence"].isna().all():
        return images
    alone = pd.Series(range(len(images)), images.index, dtype=object)
    number = pd.factorize(images["sequence"].where(images["sequence"].notna(), alone))[0]
    return images.iloc[np.lexsort((images["frame"].fillna(0).to_numpy(np.int64), number))]


@dataclass
class SequenceTracker:
    """Give it the frames of a sequence in their order, and one sequence after the other."""

    read_flow: FlowReader
    previous_image: Any = None
    previous_predictions: dict[Hashable, _FramePrediction] = field(default_factory=dict)
    last_prompt_track: dict[int, int] = field(default_factory=dict)
    """The track whose prompt answered for an object when it was last found."""

    def compute_columns(self, overlap: ImageOverlap, prompt_matches: list[PromptMatch]) -> list[dict[str, Any]]:
        """For each answer its columns of table `pairs`."""
        if pd.isna(overlap.image_row.sequence):
            return [EMPTY_COLUMNS.copy() for _ in prompt_matches]
        self._reset_if_new_sequence(overlap.image_row)
        shown, kept = self.previous_predictions, self._preserved_identities(overlap, prompt_matches)
        flow = (
            self.read_flow(self.previous_image)
            if shown and self.previous_image.frame + 1 == overlap.image_row.frame
            else None
        )
        self.previous_image, self.previous_predictions = overlap.image_row, {}
        rows: list[dict[str, Any]] = []
        times: Counter[Hashable] = Counter()
        for answer in prompt_matches:
            track = _target_track(overlap, answer)
            row = {
                **EMPTY_COLUMNS,
                "sequence": overlap.image_row.sequence,
                "frame": int(overlap.image_row.frame),
                "track": track,
            }
            if answer.prompt.kind == "track" and track in kept:
                row["n_steps"], row["n_kept"] = 1, int(kept[track])
            if answer.is_spatial and track is not None:
                row["track_j"], row["track_f"] = _j_and_f(overlap, answer)
            what = (answer.prompt.kind, track if answer.is_spatial else answer.prompt.phrase)
            if pd.notna(what[1]):
                # The same words may be asked more than once, with other examples.
                times[what] += 1
                key = (*what, times[what])
                self.previous_predictions[key] = self._frame_prediction(overlap, answer)
                if key in shown:
                    row |= _compare_frames(shown[key], self.previous_predictions[key], flow, answer.is_spatial)
            rows.append(row)
        return rows

    def skip_frame(self, image: Any) -> None:
        """Nothing is asked of the frame `image` (a row of table `images`)."""
        self._reset_if_new_sequence(image)
        self.previous_image, self.previous_predictions = image, {}

    def _reset_if_new_sequence(self, image: Any) -> None:
        """Forget the sequence before, at the first frame of another."""
        if self.previous_image is None or self.previous_image.sequence != image.sequence:
            self.previous_predictions, self.last_prompt_track = {}, {}

    def _frame_prediction(self, overlap: ImageOverlap, prompt_match: PromptMatch) -> _FramePrediction:
        masks = [overlap.prediction_rles[number] for number in prompt_match.counted_rows]
        mask = shapes.merge(masks) if masks else None
        context = None
        if prompt_match.is_spatial and mask is not None and shapes.areas([mask])[0]:
            context = contours.shape_context(contours.trace_contour(shapes.crop(mask).mask))
        found = {}
        for column, prediction in zip(prompt_match.truth_columns.tolist(), prompt_match.assignment, strict=True):
            track = overlap.instances[column].track
            if track is not None:
                found[track] = prediction is not None and bool(overlap.match_iou[prediction, column] >= MATCH_THRESHOLD)
        return _FramePrediction(mask, context, found, (overlap.image_row.height, overlap.image_row.width))

    def _preserved_identities(self, overlap: ImageOverlap, prompt_matches: list[PromptMatch]) -> dict[int, bool]:
        """Of each object found here and before: was it by the prompt that was to follow the same object?"""
        followed = [(int(answer.prompt.track), answer) for answer in prompt_matches if answer.prompt.kind == "track"]
        given = [(track, int(answer.counted_rows[0])) for track, answer in followed if len(answer.counted_rows)]
        truth = [(track, int(answer.truth_columns[0])) for track, answer in followed if len(answer.truth_columns)]
        ious = overlap.iou[np.ix_([row for _, row in given], [column for _, column in truth])]
        kept = {}
        for row, column in zip(*linear_sum_assignment(ious, maximize=True), strict=True):
            if ious[row, column] >= MATCH_THRESHOLD:
                track, by = truth[column][0], given[row][0]
                if track in self.last_prompt_track:
                    kept[track] = self.last_prompt_track[track] == by
                self.last_prompt_track[track] = by
        return kept


def _target_track(overlap: ImageOverlap, prompt_match: PromptMatch) -> int | None:
    """The object that a spatial prompt asks for."""
    if pd.notna(prompt_match.prompt.track):
        return int(prompt_match.prompt.track)
    return (
        overlap.instances[prompt_match.truth_columns[0]].track
        if prompt_match.is_spatial and len(prompt_match.truth_columns) == 1
        else None
    )


def _j_and_f(overlap: ImageOverlap, prompt_match: PromptMatch) -> tuple[float | None, float | None]:
    """IoU and DAVIS's boundary F of one object, 1 where there is neither object nor mask; None: not known."""
    if prompt_match.prompt.truth_ids is None or not overlap.has_mask[prompt_match.truth_columns].all():
        return None, None
    if not len(prompt_match.truth_columns) or not len(prompt_match.counted_rows):
        return (float(len(prompt_match.truth_columns) == len(prompt_match.counted_rows)),) * 2
    prediction, column = int(prompt_match.counted_rows[0]), int(prompt_match.truth_columns[0])
    crops = overlap.crop("truth", column), overlap.crop("prediction", prediction)
    return float(overlap.iou[prediction, column]), contours.davis_f(
        *crops, overlap.image_row.height, overlap.image_row.width
    )


def _compare_frames(
    previous: _FramePrediction, current: _FramePrediction, flow: OpticalFlow | None, is_spatial: bool
) -> dict[str, Any]:
    row: dict[str, Any] = {"step_iou": _mask_iou(previous.mask, current.mask)}
    if flow is not None:
        found = contours.warped_iou(previous.decode_mask(), current.decode_mask(), flow)
        row["warped_iou"], row["n_warped"] = found or 0.0, int(found is not None)
    if is_spatial:
        row["contour_cost"] = 0.0
        if previous.shape_context is not None and current.shape_context is not None:
            row["contour_cost"], row["n_contours"] = (
                contours.contour_cost(previous.shape_context, current.shape_context),
                1,
            )
    lasting = previous.is_track_matched.keys() & current.is_track_matched.keys()
    flips = sum(previous.is_track_matched[track] != current.is_track_matched[track] for track in lasting)
    return {**row, "n_lasting": len(lasting), "n_flips": flips}


def _mask_iou(first: shapes.RLE | None, second: shapes.RLE | None) -> float:
    """1 where both are empty."""
    parts = [[] if mask is None else [mask] for mask in (first, second)]
    common = shapes.intersections(*parts).sum()
    return float(shapes.iou(common, *(shapes.areas(part).sum() for part in parts)))
