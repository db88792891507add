"""COCO's compressed run-length encoding for many masks at once, from binary masks on any device or from logits."""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional


@dataclass(frozen=True)
class MaskRuns:
    """Runs of foreground pixels of N masks of one size, in column-major order as in COCO."""

    starts: np.ndarray  # int64 (R,): first pixel of each run, mask by mask
    ends: np.ndarray  # int64 (R,): pixel after the last one of each run
    runs_per_mask: np.ndarray  # int64 (N,): number of runs of each mask
    size: tuple[int, int]  # height, width


def find_runs(masks: torch.Tensor) -> MaskRuns:
    """Return the runs of bool masks (N, height, width), computed on the masks' device."""
    n_masks, height, width = masks.shape
    columns = masks.transpose(1, 2).reshape(n_masks, width * height)
    padded = functional.pad(columns.to(torch.uint8), (1, 1))
    mask_indices, positions = (padded[:, 1:] != padded[:, :-1]).nonzero(as_tuple=True)
    runs_per_mask = torch.bincount(mask_indices, minlength=n_masks).cpu().numpy() // 2
    bounds = positions.cpu().numpy()
    return MaskRuns(bounds[::2], bounds[1::2], runs_per_mask, (height, width))


def upsample_to_masks(logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Return bool masks (N, height, width): where the bilinearly upsampled logits (N, h, w) are positive."""
    return functional.interpolate(logits[:, None].float(), size, mode="bilinear", align_corners=False)[:, 0] > 0


def upsample_to_runs(logits: np.ndarray, size: tuple[int, int]) -> MaskRuns:
    """Return `find_runs(upsample_to_masks(logits, size))`, computed on the host around the positive logits only.

    This is faster, as most masks are small. An upsampled value is a weighted mean of four neighbours, so it is positive
    only next to a positive one. Values within rounding of 0 may differ.

    Args:
        logits: float32 (N, h, w).
        size: height and width of the masks.
    """
    (height, width), (n_masks, low_height, low_width) = size, logits.shape
    row_weights, column_weights = (
        _compute_bilinear_weights(low_height, height),
        _compute_bilinear_weights(low_width, width),
    )
    positive = logits > 0
    starts, ends, runs_per_mask = [], [], np.zeros(n_masks, np.int64)
    for index in np.flatnonzero(positive.any(axis=(1, 2))):
        top, bottom = _find_extent(positive[index].any(axis=1))
        left, right = _find_extent(positive[index].any(axis=0))
        y0, y1, rows = _map_extent(top, bottom, low_height, height)
        x0, x1, columns = _map_extent(left, right, low_width, width)
        crop = logits[index, rows, columns]
        # Transposed to (columns, rows), as COCO counts down the columns.
        mask = (column_weights[x0:x1, columns] @ (row_weights[y0:y1, rows] @ crop).T) > 0
        padded = np.zeros((mask.shape[0], mask.shape[1] + 2), np.int8)
        padded[:, 1:-1] = mask
        column, row = np.divmod(np.flatnonzero(np.diff(padded.ravel())), padded.shape[1])
        positions = (column + x0) * height + row + y0
        mask_starts, mask_ends = positions[::2], positions[1::2]
        # A run that reaches the bottom edge continues at the top of the next column.
        separate = mask_starts[1:] != mask_ends[:-1]
        starts.append(mask_starts[np.r_[True, separate]] if len(mask_starts) else mask_starts)
        ends.append(mask_ends[np.r_[separate, True]] if len(mask_ends) else mask_ends)
        runs_per_mask[index] = len(starts[-1])
    no_runs = [np.zeros(0, np.int64)]
    return MaskRuns(np.concatenate(starts or no_runs), np.concatenate(ends or no_runs), runs_per_mask, size)


def encode_rles(mask_runs: MaskRuns) -> tuple[list[bytes], np.ndarray, np.ndarray]:
    """Encode masks as COCO RLEs.

    The results equal those of `encode`, `area` and `toBbox` of `pycocotools.mask`.

    Returns:
        For each mask its compressed counts, its area in px, int64 (N,), and its box, float64 (N, 4), x0, y0, x1, y1 in
        px.
    """
    height, width = mask_runs.size
    n_masks = len(mask_runs.runs_per_mask)
    mask_indices = np.repeat(np.arange(n_masks), mask_runs.runs_per_mask)
    areas = np.zeros(n_masks, np.int64)
    np.add.at(areas, mask_indices, mask_runs.ends - mask_runs.starts)
    counts = _encode_counts(mask_runs, mask_indices, height * width)
    return counts, areas, _compute_boxes(mask_runs, mask_indices)


def _compute_boxes(mask_runs: MaskRuns, mask_indices: np.ndarray) -> np.ndarray:
    height = mask_runs.size[0]
    boxes = np.zeros((len(mask_runs.runs_per_mask), 4))
    if not len(mask_indices):
        return boxes
    first_columns, tops = np.divmod(mask_runs.starts, height)
    last_columns, bottoms = np.divmod(mask_runs.ends - 1, height)
    # A run over several columns touches both the top and the bottom edge.
    wraps = first_columns != last_columns
    tops, bottoms = np.where(wraps, 0, tops), np.where(wraps, height - 1, bottoms)
    nonempty = np.flatnonzero(mask_runs.runs_per_mask)
    first_runs = np.concatenate([[0], np.cumsum(mask_runs.runs_per_mask[nonempty])[:-1]])
    boxes[nonempty, 0] = np.minimum.reduceat(first_columns, first_runs)
    boxes[nonempty, 1] = np.minimum.reduceat(tops, first_runs)
    boxes[nonempty, 2] = np.maximum.reduceat(last_columns, first_runs) + 1
    boxes[nonempty, 3] = np.maximum.reduceat(bottoms, first_runs) + 1
    return boxes


def _encode_counts(mask_runs: MaskRuns, mask_indices: np.ndarray, n_pixels: int) -> list[bytes]:
    """Return the compressed counts of each mask.

    Args:
        mask_runs: the runs of all masks.
        mask_indices: (R,), the mask of each run.
        n_pixels: number of pixels of a mask.

    Source: `rleToString` of the COCO API. Counts are the lengths of background and foreground runs in turn.
    """
    counts, offsets = _compute_counts(mask_runs, mask_indices, n_pixels)
    # From the fourth count of a mask on, the difference from the last but one is stored.
    values = counts.copy()
    position_in_mask = np.arange(len(counts)) - np.repeat(offsets[:-1], np.diff(offsets))
    differences = np.flatnonzero(position_in_mask > 2)
    values[differences] -= counts[differences - 2]
    # Each value is split into digits of five bits, the lowest first. The highest bit of the last digit is the sign.
    n_digits = np.ones(len(values), np.int64)
    for bits in range(4, 60, 5):
        needs_more = (values >= 1 << bits) | (values < -(1 << bits))
        if not needs_more.any():
            break
        n_digits += needs_more
    digit_positions = np.arange(n_digits.max(initial=1))
    digits = (values[:, None] >> 5 * digit_positions) & 0x1F
    digits |= np.where(digit_positions < n_digits[:, None] - 1, 0x20, 0)  # a sixth bit marks that more digits follow
    characters = (digits[digit_positions < n_digits[:, None]] + 48).astype(np.uint8).tobytes()
    bounds = np.concatenate([[0], np.cumsum(n_digits)])[offsets]
    return [characters[start:end] for start, end in itertools.pairwise(bounds)]


def _compute_counts(mask_runs: MaskRuns, mask_indices: np.ndarray, n_pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the uncompressed counts of all masks, and offsets (N + 1,) of each mask's counts."""
    run_offsets = np.concatenate([[0], np.cumsum(mask_runs.runs_per_mask)])
    ends_in_foreground = np.zeros(len(mask_runs.runs_per_mask), bool)
    nonempty = mask_runs.runs_per_mask > 0
    ends_in_foreground[nonempty] = mask_runs.ends[run_offsets[1:][nonempty] - 1] == n_pixels
    # Each run has a background and a foreground count; a background after the last run has one more.
    counts_per_mask = 2 * mask_runs.runs_per_mask + ~ends_in_foreground
    offsets = np.concatenate([[0], np.cumsum(counts_per_mask)])
    count_ends = np.full(offsets[-1], n_pixels, np.int64)
    run_in_mask = np.arange(len(mask_indices)) - run_offsets[mask_indices]
    count_ends[offsets[mask_indices] + 2 * run_in_mask] = mask_runs.starts
    count_ends[offsets[mask_indices] + 2 * run_in_mask + 1] = mask_runs.ends
    counts = np.diff(count_ends, prepend=0)
    counts[offsets[:-1]] = count_ends[offsets[:-1]]
    return counts, offsets


def _compute_bilinear_weights(input_length: int, output_length: int) -> np.ndarray:
    """Return the weights of bilinear interpolation along one axis, float32 (output_length, input_length).

    Source: torch's `interpolate(…, mode="bilinear", align_corners=False)`.
    """
    source = np.maximum(
        (np.arange(output_length, dtype=np.float32) + np.float32(0.5)) * np.float32(input_length / output_length) - 0.5,
        0,
    )
    lower = np.minimum(source.astype(np.int64), input_length - 1)
    upper_weight = np.where(lower < input_length - 1, source - lower, 0).astype(np.float32)
    weights = np.zeros((output_length, input_length), np.float32)
    weights[np.arange(output_length), lower] = 1 - upper_weight
    weights[np.arange(output_length), np.minimum(lower + 1, input_length - 1)] += upper_weight
    return weights


def _find_extent(flags: np.ndarray) -> tuple[int, int]:
    """Return the index of the first true value and the index after the last one."""
    positions = np.flatnonzero(flags)
    return int(positions[0]), int(positions[-1]) + 1


def _map_extent(first: int, end: int, input_length: int, output_length: int) -> tuple[int, int, slice]:
    """Return the range of outputs that may be positive (start, stop), and the slice of inputs that they depend on."""
    start = max(int((first - 1) * output_length / input_length) - 1, 0)
    stop = min(int((end + 1) * output_length / input_length) + 2, output_length)
    scale = input_length / output_length
    return (
        start,
        stop,
        slice(max(int((start + 0.5) * scale - 0.5), 0), min(int((stop + 0.5) * scale - 0.5) + 2, input_length)),
    )
