"""A random part of a prompt set, for prompts that are costly to predict: option `subset` of every prompt set.

`images: n` keeps the prompts of n images of the data set, `instances: n` those of n instances (of n tracked objects,
for the kind `track`). The sample depends on the run's seed, the data set, and the file names alone: prompt sets share
it, a smaller sample is a part of a larger one, and it can be compared pair by pair.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.errors import UserError
from samgap.prompts.kinds import get_row_kind
from samgap.prompts.seed import Seed


def select_subset(
    rows: Iterable[Mapping[str, Any]], subset: Mapping[str, int] | None, truth: GroundTruth, seed: Seed
) -> tuple[list[Mapping[str, Any]], dict[str, Any]]:
    """Return the rows of a sample, in their order, and a record of the sample for the provenance.

    Args:
        rows: rows of table `prompts`.
        subset: the option: `images` or `instances`, with their number; None for all rows.
        truth: the ground truth.
        seed: of the run.

    Returns:
        The rows, and `{"subset": {"images": n, "of": N}}`, which is empty without `subset`. The number is that of the
        units that were there, if these are fewer.

    Raises:
        UserError: rows are not for one instance each (`instances`), or form tracks (`images`).
    """
    rows = list(rows)
    if subset is None:
        return rows, {}
    ((unit, number),) = subset.items()
    keys = [_find_unit(row, unit, truth) for row in rows]
    # All images of the data set take part, also those without a prompt, so that prompt sets share the images.
    units = {_image_unit(truth, image_id) for image_id in truth.images} if unit == "images" else set(keys)
    ranked = sorted(units, key=lambda key: (seed.make_subset_key(*key), key))
    selected = set(ranked[:number])
    kept = [row for row, key in zip(rows, keys, strict=True) if key in selected]
    return kept, {"subset": {unit: len(selected), "of": len(units)}}


def _find_unit(row: Mapping[str, Any], unit: str, truth: GroundTruth) -> tuple[str | int, ...]:
    """Return what identifies the image, instance or track of a row, independently of ids."""
    row_kind = get_row_kind(row["kind"])
    if unit == "images":
        if row_kind.sequence:
            raise UserError("prompts: `subset: {images: …}` would cut tracks; use `subset: {instances: …}`")
        return _image_unit(truth, row["image_id"])
    if not row_kind.spatial:
        raise UserError("prompts: `subset: {instances: …}` needs prompts of one instance; use `subset: {images: …}`")
    image = truth.images[row["image_id"]]
    if row_kind.sequence:
        return str(image["sequence"]), int(row["track"])
    (truth_id,) = row["truth_ids"]
    index = [instance.id for instance in truth.instances_of(row["image_id"])].index(truth_id)
    return str(image["file_name"]), index


def _image_unit(truth: GroundTruth, image_id: int) -> tuple[str | int, ...]:
    return (str(truth.images[image_id]["file_name"]),)
