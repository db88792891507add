"""Metrics of the frames of a sequence, without optical flow and contours."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks.recomputation.cases import MATCH, Case
from benchmarks.recomputation.counting import average, divide
from benchmarks.recomputation.measures import measure_davis_f, measure_union_iou
from benchmarks.recomputation.sample import Sample

Value = Callable[[Sample], float]
Key = tuple[Hashable, ...]


def find_track(case: Case) -> Any:
    """Return the object of a spatial prompt, or None."""
    track = case.prompt.track
    if track is not None and track == track:
        return int(track)
    return case.truth[0].track if case.is_spatial and len(case.truth) == 1 else None


def list_inner_scores(sample: Sample) -> list[list[tuple[float, float]]]:
    """Return J and F of each object on its frames but the first and the last."""
    tracks: dict[Key, list[Case]] = defaultdict(list)
    for case in sample.cases:
        track = find_track(case)
        if track is not None and case.image.sequence is not None:
            tracks[case.image.sequence, track].append(case)
    scores = []
    for cases in tracks.values():
        frames = [case.image.frame for case in cases]
        inner = [case for case in cases if min(frames) < case.image.frame < max(frames) and case.is_evaluable]
        if inner:
            scores.append([score_frame(case, sample.official) for case in inner])
    return scores


def score_frame(case: Case, score: float) -> tuple[float, float]:
    """Return J and F of an object on a frame."""
    masks = case.count(score).masks
    if not masks or not case.truth:
        return (float(not masks and not case.truth),) * 2
    mask, truth = masks[0].mask.decode(), case.truth[0].mask.decode()
    return measure_union_iou(mask, truth), measure_davis_f(mask, truth)


def score_tracks(sample: Sample, side: int | None = None) -> float:
    """Return the mean over objects of the mean over frames of J, F, or both."""
    means = [np.mean(scores, axis=0) for scores in list_inner_scores(sample)]
    return average([float(each.mean() if side is None else each[side]) for each in means])


def pair_steps(sample: Sample) -> dict[str, Case]:
    """Return prompt id -> the same prompt on the previous frame."""
    if "steps" not in sample.shared:
        sample.shared["steps"] = _pair_steps(sample.whole)
    steps: dict[str, Case] = sample.shared["steps"]
    return steps


def _pair_steps(cases: list[Case]) -> dict[str, Case]:
    by_image: dict[Any, list[Case]] = defaultdict(list)
    for case in cases:
        if case.image.sequence is not None:
            by_image[case.image.sequence, case.image.frame].append(case)
    steps: dict[str, Case] = {}
    previous: dict[Key, Case] = {}
    last: tuple[Any, int] | None = None
    for sequence, frame in sorted(by_image):
        if last is None or last[0] != sequence or last[1] + 1 != frame:
            previous = {}
        current, repeats = {}, Counter[Key]()
        for case in by_image[sequence, frame]:
            target = find_track(case) if case.is_spatial else case.prompt.phrase
            if target is not None:
                repeats[case.prompt.kind, target] += 1
                key = (case.prompt.kind, target, repeats[case.prompt.kind, target])
                current[key] = case
                if key in previous:
                    steps[case.prompt.prompt_id] = previous[key]
        previous, last = current, (sequence, frame)
    return steps


def list_step_ious(sample: Sample) -> list[float]:
    """Return the IoU of all masks of a prompt with those one frame earlier."""
    steps, score = pair_steps(sample), sample.official
    return [
        measure_union_iou(case.merge(case.count(score).masks), before.merge(before.count(score).masks))
        for case in sample.evaluable
        if (before := steps.get(case.prompt.prompt_id)) is not None
    ]


def measure_flicker(sample: Sample) -> float:
    """Return the share of the lasting instances that are matched on one of two frames."""
    steps, n_flips, n_lasting = pair_steps(sample), 0, 0
    for case in sample.evaluable:
        if case.prompt.prompt_id in steps:
            sides = [_list_matched(each, sample.official) for each in (case, steps[case.prompt.prompt_id])]
            lasting = sides[0].keys() & sides[1].keys()
            n_lasting += len(lasting)
            n_flips += sum(sides[0][track] != sides[1][track] for track in lasting)
    return divide(n_flips, n_lasting)


def _list_matched(case: Case, score: float) -> dict[int, bool]:
    ious = zip(case.truth, case.count(score).ious, strict=True)
    return {item.track: iou >= MATCH for item, iou in ious if item.track is not None}


def measure_identity(sample: Sample) -> float:
    """Return the share of steps between two matches of an object with a mask of the same prompt."""
    if "identities" not in sample.shared:
        sample.shared["identities"] = _compare_identities(sample.whole, sample.official)
    kept = sample.shared["identities"]
    steps = [
        kept[case.image.id, int(case.prompt.track)]
        for case in sample.evaluable
        if case.prompt.kind == "track" and (case.image.id, int(case.prompt.track)) in kept
    ]
    return average(steps)


def _compare_identities(cases: list[Case], score: float) -> dict[tuple[int, int], bool]:
    by_image: dict[Any, list[Case]] = defaultdict(list)
    for case in cases:
        if case.prompt.kind == "track":
            by_image[case.image.sequence, case.image.frame, case.image.id].append(case)
    last: dict[Any, int] = {}
    kept = {}
    for sequence, frame, image in sorted(by_image):
        predicted = [
            (case, case.count(score).masks[0]) for case in by_image[sequence, frame, image] if case.count(score).masks
        ]
        visible = [case for case in by_image[sequence, frame, image] if case.truth]
        matrix = np.array([
            [measure_union_iou(mask.mask.decode(), other.truth[0].mask.decode()) for other in visible]
            for _, mask in predicted
        ]).reshape(len(predicted), len(visible))  # fmt: skip
        for row, column in zip(*linear_sum_assignment(matrix, maximize=True), strict=True):
            if matrix[row, column] >= MATCH:
                track, prompt_track = int(visible[column].prompt.track), int(predicted[row][0].prompt.track)
                if (sequence, track) in last:
                    kept[image, track] = last[sequence, track] == prompt_track
                last[sequence, track] = prompt_track
    return kept


TRACK_VALUES: dict[str, Value] = {
    "j-and-f": score_tracks,
    "j-and-f-j": lambda sample: score_tracks(sample, 0),
    "j-and-f-f": lambda sample: score_tracks(sample, 1),
    "flicker": measure_flicker,
    "identity-preservation": measure_identity,
    "upstream-temporal-consistency": lambda sample: average(list_step_ious(sample)),
}
