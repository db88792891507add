"""Masks as COCO's compressed run lengths, many at once: as bool on any device, or as logits that are enlarged first."""

import itertools
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional


@dataclass(frozen=True)
class MaskRuns:
    """The set pixels of N masks of one size, counted down the columns: runs from `starts` to `ends` (exclusive)."""

    starts: np.ndarray  # int64 (R,), mask after mask
    ends: np.ndarray  # int64 (R,)
    runs_per_mask: np.ndarray  # int64 (N,): how many of the runs are each mask's
    size: tuple[int, int]  # height, width


def find_runs(masks: torch.Tensor) -> MaskRuns:
    """The runs of bool `masks` (N, height, width), found on their own device; only they come to the host."""
    number, height, width = masks.shape
    columns = masks.transpose(1, 2).reshape(number, width * height)
    framed = functional.pad(columns.to(torch.uint8), (1, 1))
    rows, places = (framed[:, 1:] != framed[:, :-1]).nonzero(as_tuple=True)
    counts = torch.bincount(rows, minlength=number).cpu().numpy() // 2
    bounds = places.cpu().numpy()
    return MaskRuns(bounds[::2], bounds[1::2], counts, (height, width))


def upsample_to_masks(logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Bool masks (N, height, width) where `logits` (N, h, w), brought to `size` bilinearly, are positive."""
    return functional.interpolate(logits[:, None].float(), size, mode="bilinear", align_corners=False)[:, 0] > 0


def upsample_to_runs(logits: np.ndarray, size: tuple[int, int]) -> MaskRuns:
    """`runs(enlarged(logits, size))` on the host, worked out around what is positive alone: most masks are small.

    `logits` float32 (N, h, w). An enlarged value is a mean of four neighbours, so it is positive only near one that is.
    """
    (height, width), (number, low_height, low_width) = size, logits.shape
    down, across = _bilinear_weights(low_height, height), _bilinear_weights(low_width, width)
    positive = logits > 0
    starts, ends, counts = [], [], np.zeros(number, np.int64)
    for index in np.flatnonzero(positive.any(axis=(1, 2))):
        top, bottom = _find_extent(positive[index].any(axis=1))
        left, right = _find_extent(positive[index].any(axis=0))
        y0, y1, rows = _map_extent(top, bottom, low_height, height)
        x0, x1, columns = _map_extent(left, right, low_width, width)
        part = logits[index, rows, columns]
        mask = (across[x0:x1, columns] @ (down[y0:y1, rows] @ part).T) > 0  # (columns, rows): COCO counts down
        framed = np.zeros((mask.shape[0], mask.shape[1] + 2), np.int8)
        framed[:, 1:-1] = mask
        edges = np.flatnonzero(np.diff(framed.ravel()))
        column, row = np.divmod(edges, framed.shape[1])
        places = (column + x0) * height + row + y0
        first, last = places[::2], places[1::2]
        # A run that reaches the bottom goes on at the top of the next column.
        apart = first[1:] != last[:-1]
        starts.append(first[np.r_[True, apart]] if len(first) else first)
        ends.append(last[np.r_[apart, True]] if len(last) else last)
        counts[index] = len(starts[-1])
    none = [np.zeros(0, np.int64)]
    return MaskRuns(np.concatenate(starts or none), np.concatenate(ends or none), counts, size)


def encode_rles(mask_runs: MaskRuns) -> tuple[list[bytes], np.ndarray, np.ndarray]:
    """COCO's compressed counts of each mask, its area (int64, px) and its box (float64 (N, 4), x0 y0 x1 y1, px).

    What `pycocotools.mask` has as `encode`, `area` and `toBbox`, whose `rleToString` the digits follow.
    """
    height, width = mask_runs.size
    number, whole = len(mask_runs.runs_per_mask), height * width
    owner = np.repeat(np.arange(number), mask_runs.runs_per_mask)
    lengths = mask_runs.ends - mask_runs.starts
    areas = np.zeros(number, np.int64)
    np.add.at(areas, owner, lengths)
    return _encode_counts(mask_runs, owner, whole), areas, _compute_boxes(mask_runs, owner)


def _compute_boxes(mask_runs: MaskRuns, mask_indices: np.ndarray) -> np.ndarray:
    height = mask_runs.size[0]
    boxes = np.zeros((len(mask_runs.runs_per_mask), 4))
    if not len(mask_indices):
        return boxes
    first, top = np.divmod(mask_runs.starts, height)
    last, bottom = np.divmod(mask_runs.ends - 1, height)
    over = first != last  # such a run touches the upper and the lower edge
    top, bottom = np.where(over, 0, top), np.where(over, height - 1, bottom)
    filled = np.flatnonzero(mask_runs.runs_per_mask)
    begins = np.concatenate([[0], np.cumsum(mask_runs.runs_per_mask[filled])[:-1]])
    boxes[filled, 0] = np.minimum.reduceat(first, begins)
    boxes[filled, 1] = np.minimum.reduceat(top, begins)
    boxes[filled, 2] = np.maximum.reduceat(last, begins) + 1
    boxes[filled, 3] = np.maximum.reduceat(bottom, begins) + 1
    return boxes


def _encode_counts(mask_runs: MaskRuns, mask_indices: np.ndarray, n_pixels: int) -> list[bytes]:
    """Background and foreground lengths in turn, from the fourth on as a difference from the last but one, in digits
    of five bits and a sign."""
    number = len(mask_runs.runs_per_mask)
    offsets = np.concatenate([[0], np.cumsum(mask_runs.runs_per_mask)])
    full = np.zeros(number, bool)
    filled = mask_runs.runs_per_mask > 0
    full[filled] = mask_runs.ends[offsets[1:][filled] - 1] == n_pixels
    each = 2 * mask_runs.runs_per_mask + ~full  # the background behind the last run has a length, unless there is none
    begins = np.concatenate([[0], np.cumsum(each)])
    bounds = np.full(begins[-1], n_pixels, np.int64)  # where each length ends
    place = np.arange(len(mask_indices)) - offsets[mask_indices]
    bounds[begins[mask_indices] + 2 * place] = mask_runs.starts
    bounds[begins[mask_indices] + 2 * place + 1] = mask_runs.ends
    values = np.diff(bounds, prepend=0)
    values[begins[:-1]] = bounds[begins[:-1]]
    nth = np.arange(len(values)) - np.repeat(begins[:-1], each)
    lengths = values.copy()
    later = np.flatnonzero(nth > 2)
    values[later] -= lengths[later - 2]
    digits = np.ones(len(values), np.int64)
    for bits in range(4, 60, 5):
        more = (values >= 1 << bits) | (values < -(1 << bits))
        if not more.any():
            break
        digits += more
    steps = np.arange(digits.max(initial=1))
    text = (values[:, None] >> 5 * steps) & 0x1F
    text |= np.where(steps < digits[:, None] - 1, 0x20, 0)
    letters = (text[steps < digits[:, None]] + 48).astype(np.uint8).tobytes()
    cuts = np.concatenate([[0], np.cumsum(digits)])[begins]
    return [letters[start:end] for start, end in itertools.pairwise(cuts)]


def _bilinear_weights(input_length: int, output_length: int) -> np.ndarray:
    """Bilinear weights (high, low), float32: torch's `interpolate(…, mode="bilinear", align_corners=False)`."""
    source = np.maximum(
        (np.arange(output_length, dtype=np.float32) + np.float32(0.5)) * np.float32(input_length / output_length) - 0.5,
        0,
    )
    before = np.minimum(source.astype(np.int64), input_length - 1)
    share = np.where(before < input_length - 1, source - before, 0).astype(np.float32)
    weights = np.zeros((output_length, input_length), np.float32)
    weights[np.arange(output_length), before] = 1 - share
    weights[np.arange(output_length), np.minimum(before + 1, input_length - 1)] += share
    return weights


def _find_extent(flags: np.ndarray) -> tuple[int, int]:
    places = np.flatnonzero(flags)
    return int(places[0]), int(places[-1]) + 1


def _map_extent(first: int, end: int, input_length: int, output_length: int) -> tuple[int, int, slice]:
    """Where enlarged values may be positive, from and to, and the low ones that they are made of."""
    start = max(int((first - 1) * output_length / input_length) - 1, 0)
    stop = min(int((end + 1) * output_length / input_length) + 2, output_length)
    scale = input_length / output_length
    return (
        start,
        stop,
        slice(max(int((start + 0.5) * scale - 0.5), 0), min(int((stop + 0.5) * scale - 0.5) + 2, input_length)),
    )
