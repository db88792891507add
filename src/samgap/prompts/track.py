"""Kind `track`: an object of a sequence gets one prompt and is tracked through the following frames.

Each track has one row per frame, from the first frame on which its instance has a mask and is not marked `ignore`, to
the last of the sequence. The first row contains the prompt: option `show` selects a `box`, `point`s or both
(`point-box`), with the options of these kinds. The other rows have no prompt; their masks are propagated. Column
`track` is the same for all rows of a track. A correct prediction for a row is the track's instance on that frame: none
if the object is not visible (`truth_ids` is empty); the frame is not evaluable if the instance is marked `ignore` or
has no mask, or if there is no instance and the frame lost labels, one of which may be the object's.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.errors import UserError
from samgap.prompts.points import sample_points
from samgap.prompts.seed import Seed
from samgap.prompts.spatial import PromptTarget, make_box

logger = logging.getLogger("samgap")

ROW_KINDS = ("track",)
SPATIAL = True
INPUTS = ("boxes", "points")
SEQUENCE = True
SEED_OPTIONS = {"jitter": 0, "place": "centre", "negatives": 0}
OPTIONS = {
    "properties": {
        "show": {
            "description": "The kind of the prompt on the first frame of a track; the options of that kind apply.",
            "enum": ["box", "point", "point-box"],
            "default": "box",
        },
        "jitter": {"$ref": "#/$defs/jitter"},
        "points": {"$ref": "#/$defs/points"},
        "place": {"$ref": "#/$defs/place"},
        "negatives": {"$ref": "#/$defs/negative-points"},
    },
}


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    """Yield the rows of all tracks, ordered by image and track.

    Raises:
        UserError: the data set has no sequence with a tracked object that has a mask.
    """
    frames = defaultdict(list)
    for image_id, image in truth.images.items():
        if image.get("sequence") is not None:
            frames[image["sequence"]].append((image["frame"], image_id))
    rows: list[dict[str, Any]] = []
    skipped: list[str] = []
    for sequence in sorted(frames):
        image_ids = [image_id for _, image_id in sorted(frames[sequence])]
        for track, targets in sorted(_group_targets_by_track(truth, image_ids).items()):
            track_rows = _make_track_rows(truth, image_ids, track, targets, options, seed)
            rows += track_rows
            if not track_rows:
                skipped.append(f"track {track} of sequence {sequence}")
    if not rows:
        raise UserError(
            "prompts of kind track: the data set has no sequence with a tracked object that has a mask; use another "
            "data set (orchard-sim makes sequences with the option `frames`)"
        )
    if skipped:
        logger.warning("%d tracks get no prompt, because no frame allows one (first: %s)", len(skipped), skipped[0])
    yield from sorted(rows, key=lambda row: (row["image_id"], row["track"]))


def _group_targets_by_track(truth: GroundTruth, image_ids: list[int]) -> dict[int, dict[int, PromptTarget]]:
    """Return track -> image id -> the track's instance on that image."""
    tracks: dict[int, dict[int, PromptTarget]] = defaultdict(dict)
    for image_id in image_ids:
        for index, instance in enumerate(truth.instances_of(image_id)):
            if instance.track is not None:
                tracks[instance.track][image_id] = PromptTarget(instance, truth.images[image_id], index)
    return tracks


def _make_track_rows(
    truth: GroundTruth,
    image_ids: list[int],
    track: int,
    targets: Mapping[int, PromptTarget],
    options: Mapping[str, Any],
    seed: Seed,
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for image_id in image_ids:
        target = targets.get(image_id)
        evaluable = target is not None and not target.instance.ignore and target.instance.rle is not None
        prompt_columns: dict[str, Any] = {}
        if not rows:
            if target is None or not evaluable:
                continue
            prompt_columns = _make_prompt_columns(target, options, seed)
            if not prompt_columns:
                continue
        is_absent = target is None and not truth.incomplete_nouns(image_id)
        truth_ids = [] if is_absent else [target.instance.id] if target and evaluable else None
        rows.append({"image_id": image_id, "kind": "track", "track": track, "truth_ids": truth_ids, **prompt_columns})
    return rows


def _make_prompt_columns(target: PromptTarget, options: Mapping[str, Any], seed: Seed) -> dict[str, Any]:
    """Return the columns `boxes` and `points`; empty if the points cannot be sampled."""
    show = options.get("show", "box")
    columns: dict[str, Any] = {"boxes": [make_box(target, options, seed)]} if show != "point" else {}
    if show != "box":
        points = sample_points(target, options, seed)
        if points is None:
            return {}
        columns["points"] = points
    return columns
