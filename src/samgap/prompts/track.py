"""Kind `track`: an object of a sequence is shown once, and followed through the frames that come after.

For each track one row a frame, from the first on which its instance may be asked for (not `ignore`, with a mask) to the
sequence's last. That first row shows the object as `show` says: by its `box`, by `point`s or by both (`point-box`),
with the options of these kinds. The other rows show nothing and are answered by propagation; column `track` ties them
together. A right answer to a row is the track's instance on that frame. Where the object is out of sight there is none
(`truth_ids` is empty); where its instance is marked `ignore` or has no mask, the frame is not evaluable.
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


def generate_prompts(truth: GroundTruth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    frames = defaultdict(list)
    for image_id, image in truth.images.items():
        if image.get("sequence") is not None:
            frames[image["sequence"]].append((image["frame"], image_id))
    found: list[dict[str, Any]] = []
    left_out: list[str] = []
    for sequence in sorted(frames):
        ids = [image_id for _, image_id in sorted(frames[sequence])]
        for track, targets in sorted(_group_targets_by_track(truth, ids).items()):
            rows = _make_track_rows(ids, track, targets, options, seed)
            if rows:
                found += rows
            else:
                left_out.append(f"track {track} of sequence {sequence}")
    if not found:
        raise UserError(
            "prompts of kind track: the data set has no sequence with a tracked object that has a mask; ask another "
            "data set (orchard-sim makes sequences with `frames`)"
        )
    if left_out:
        logger.warning("%d tracks get no prompt: on no frame can one be made (first: %s)", len(left_out), left_out[0])
    yield from sorted(found, key=lambda row: (row["image_id"], row["track"]))


def _group_targets_by_track(truth: GroundTruth, image_ids: list[int]) -> dict[int, dict[int, PromptTarget]]:
    """For each track its instance on the images where it has one."""
    tracks: dict[int, dict[int, PromptTarget]] = defaultdict(dict)
    for image_id in image_ids:
        for place, item in enumerate(truth.instances_of(image_id)):
            if item.track is not None:
                tracks[item.track][image_id] = PromptTarget(item, truth.images[image_id], place)
    return tracks


def _make_track_rows(
    image_ids: list[int], track: int, targets: Mapping[int, PromptTarget], options: Mapping[str, Any], seed: Seed
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for image_id in image_ids:
        target = targets.get(image_id)
        known = target is not None and not target.instance.ignore and target.instance.rle is not None
        shown = _make_prompt_columns(target, options, seed) if target is not None and known and not rows else {}
        if not rows and not shown:
            continue
        wanted = [] if target is None else [target.instance.id] if known else None
        rows.append({"image_id": image_id, "kind": "track", "track": track, "truth_ids": wanted, **shown})
    return rows


def _make_prompt_columns(target: PromptTarget, options: Mapping[str, Any], seed: Seed) -> dict[str, Any]:
    """Columns `boxes` and `points`; empty where the points asked for cannot be."""
    show = options.get("show", "box")
    found: dict[str, Any] = {"boxes": [make_box(target, options, seed)]} if show != "point" else {}
    if show != "box":
        on = sample_points(target, options, seed)
        if on is None:
            return {}
        found["points"] = on
    return found
