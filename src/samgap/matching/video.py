"""Statistics of a frame and the previous frame: stability of the masks of a prompt, and identity of tracked objects.

A prompt continues a prompt of the previous frame if it has the same track or the same phrase. Only the predictions of
the previous frame stay in memory, so that memory does not grow with the length of a sequence.
"""

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment

from samgap.annotations.optical_flow import FlowReader, OpticalFlow
from samgap.masks import rle
from samgap.matching import contours
from samgap.matching.assignment import MATCH_THRESHOLD, PromptMatch
from samgap.matching.overlap import ImageOverlap
from samgap.tables.images import number_sequences

EMPTY_COLUMNS: dict[str, Any] = {
    **dict.fromkeys(("sequence", "frame", "track", "track_j", "track_f", "step_iou", "warped_iou", "contour_cost")),
    **dict.fromkeys(("n_warped", "n_contours", "n_steps", "n_kept", "n_lasting", "n_flips"), 0),
}
"""Columns of table `pairs` for an image that is not a frame of a sequence."""


@dataclass
class _FramePrediction:
    """The prediction for one prompt on one frame."""

    mask: rle.RLE | None
    """The union of the counted masks."""
    shape_context: np.ndarray | None
    """The shape context of the contour, for a spatial prompt."""
    is_track_matched: dict[int, bool]
    """Whether each track of the prompt is matched."""
    image_size: tuple[int, int]
    """(height, width)."""

    def decode_mask(self) -> np.ndarray:
        """Return the mask, bool (height, width); all False without a counted mask."""
        return np.zeros(self.image_size, bool) if self.mask is None else rle.decode(self.mask)


def sort_frames(images: pd.DataFrame) -> pd.DataFrame:
    """Return table `images` with the frames of each sequence next to each other, in order."""
    if images["sequence"].isna().all():
        return images
    frame_numbers = images["frame"].fillna(0).to_numpy(np.int64)
    return images.iloc[np.lexsort((frame_numbers, number_sequences(images)))]


@dataclass
class SequenceTracker:
    """Compares each frame with the previous one. Frames must come in order, one sequence after the other.

    Args:
        read_flow: returns the optical flow from a frame to the next.
    """

    read_flow: FlowReader
    previous_image: Any = None
    previous_predictions: dict[Hashable, _FramePrediction] = field(default_factory=dict)
    last_prompt_track: dict[int, int] = field(default_factory=dict)
    """The track of the prompt whose mask matched each track when it was last matched."""

    def compute_columns(self, overlap: ImageOverlap, matches: list[PromptMatch]) -> list[dict[str, Any]]:
        """Return the columns `FRAME_STATISTICS` of table `pairs` for each prompt of the next frame."""
        image_row = overlap.image_row
        if pd.isna(image_row.sequence):
            return [EMPTY_COLUMNS.copy() for _ in matches]
        self._reset_if_new_sequence(image_row)
        previous, is_identity_preserved = self.previous_predictions, self._compare_identities(overlap, matches)
        is_next_frame = bool(previous) and self.previous_image.frame + 1 == image_row.frame
        flow = self.read_flow(self.previous_image) if is_next_frame else None
        self.previous_image, self.previous_predictions = image_row, {}
        rows: list[dict[str, Any]] = []
        n_repeats: Counter[Hashable] = Counter()
        for match in matches:
            track = _target_track(overlap, match)
            row = EMPTY_COLUMNS | {"sequence": image_row.sequence, "frame": int(image_row.frame), "track": track}
            if match.row_kind.sequence and track in is_identity_preserved:
                row["n_steps"], row["n_kept"] = 1, int(is_identity_preserved[track])
            if match.row_kind.spatial and track is not None:
                row["track_j"], row["track_f"] = _j_and_f(overlap, match)
            target = track if match.row_kind.spatial else match.prompt.phrase
            if pd.notna(target):
                # A phrase may be in several prompts of an image, with other exemplars.
                n_repeats[match.prompt.kind, target] += 1
                key = (match.prompt.kind, target, n_repeats[match.prompt.kind, target])
                current = self.previous_predictions[key] = _make_frame_prediction(overlap, match)
                if key in previous:
                    row |= _compare_frames(previous[key], current, flow, match.row_kind.spatial)
            rows.append(row)
        return rows

    def skip_frame(self, image_row: Any) -> None:
        """Process a frame without prompts."""
        self._reset_if_new_sequence(image_row)
        self.previous_image, self.previous_predictions = image_row, {}

    def _reset_if_new_sequence(self, image_row: Any) -> None:
        if self.previous_image is None or self.previous_image.sequence != image_row.sequence:
            self.previous_predictions, self.last_prompt_track = {}, {}

    def _compare_identities(self, overlap: ImageOverlap, matches: list[PromptMatch]) -> dict[int, bool]:
        """Match the masks of all tracking prompts to all tracked objects of the frame.

        Returns:
            For each object matched here and on an earlier frame: whether it was the mask of the same prompt.
        """
        tracked = [(int(match.prompt.track), match) for match in matches if match.row_kind.sequence]
        predicted = [(track, int(match.counted_rows[0])) for track, match in tracked if len(match.counted_rows)]
        visible = [(track, int(match.truth_columns[0])) for track, match in tracked if len(match.truth_columns)]
        ious = overlap.iou[np.ix_([row for _, row in predicted], [column for _, column in visible])]
        is_identity_preserved = {}
        for row, column in zip(*linear_sum_assignment(ious, maximize=True), strict=True):
            if ious[row, column] >= MATCH_THRESHOLD:
                track, prompt_track = visible[column][0], predicted[row][0]
                if track in self.last_prompt_track:
                    is_identity_preserved[track] = self.last_prompt_track[track] == prompt_track
                self.last_prompt_track[track] = prompt_track
        return is_identity_preserved


def _make_frame_prediction(overlap: ImageOverlap, match: PromptMatch) -> _FramePrediction:
    masks = [overlap.predictions.rles[row] for row in match.counted_rows]
    mask = rle.merge(masks) if masks else None
    context = None
    if match.row_kind.spatial and mask is not None and rle.compute_areas([mask])[0]:
        context = contours.shape_context(contours.trace_contour(rle.crop(mask).mask))
    is_track_matched = {}
    for column, prediction in zip(match.truth_columns.tolist(), match.assignment, strict=True):
        track = overlap.truth.instances[column].track
        if track is not None:
            is_track_matched[track] = prediction is not None and bool(
                overlap.match_iou[prediction, column] >= MATCH_THRESHOLD
            )
    return _FramePrediction(mask, context, is_track_matched, (overlap.image_row.height, overlap.image_row.width))


def _target_track(overlap: ImageOverlap, match: PromptMatch) -> int | None:
    """Return the track of the object of a spatial prompt, or None."""
    if pd.notna(match.prompt.track):
        return int(match.prompt.track)
    if match.row_kind.spatial and len(match.truth_columns) == 1:
        return overlap.truth.instances[match.truth_columns[0]].track
    return None


def _j_and_f(overlap: ImageOverlap, match: PromptMatch) -> tuple[float | None, float | None]:
    """Return IoU and DAVIS boundary F of one object: 1 if neither object nor mask exists, None if not evaluable."""
    truth_columns, counted_rows = match.truth_columns, match.counted_rows
    if match.prompt.truth_ids is None or not overlap.truth.has_mask[truth_columns].all():
        return None, None
    if not len(truth_columns) or not len(counted_rows):
        return (float(len(truth_columns) == len(counted_rows)),) * 2
    prediction, column = int(counted_rows[0]), int(truth_columns[0])
    crops = overlap.crop("truth", column), overlap.crop("prediction", prediction)
    boundary_f = contours.davis_f(*crops, overlap.image_row.height, overlap.image_row.width)
    return float(overlap.iou[prediction, column]), boundary_f


def _compare_frames(
    previous: _FramePrediction, current: _FramePrediction, flow: OpticalFlow | None, is_spatial: bool
) -> dict[str, Any]:
    row: dict[str, Any] = {"step_iou": _mask_iou(previous.mask, current.mask)}
    if flow is not None:
        warped_iou = contours.warped_iou(previous.decode_mask(), current.decode_mask(), flow)
        row["warped_iou"], row["n_warped"] = warped_iou or 0.0, int(warped_iou is not None)
    if is_spatial:
        row["contour_cost"] = 0.0
        if previous.shape_context is not None and current.shape_context is not None:
            cost = contours.contour_cost(previous.shape_context, current.shape_context)
            row["contour_cost"], row["n_contours"] = cost, 1
    common_tracks = previous.is_track_matched.keys() & current.is_track_matched.keys()
    n_flips = sum(previous.is_track_matched[track] != current.is_track_matched[track] for track in common_tracks)
    return {**row, "n_lasting": len(common_tracks), "n_flips": n_flips}


def _mask_iou(first: rle.RLE | None, second: rle.RLE | None) -> float:
    """Return the IoU of two masks; None stands for an empty mask, and two empty masks have IoU 1."""
    first_masks, second_masks = ([] if mask is None else [mask] for mask in (first, second))
    intersection = rle.compute_intersections(first_masks, second_masks).sum()
    return float(rle.iou(intersection, rle.compute_areas(first_masks).sum(), rle.compute_areas(second_masks).sum()))
