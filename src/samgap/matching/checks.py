"""Validation of the input of matching: predictions, prompts, ground truth and images must be consistent."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.errors import UserError
from samgap.masks import rle
from samgap.prompts.kinds import RowKind, get_row_kind


def check_images(images: pd.DataFrame, truth: GroundTruth) -> None:
    """Raise UserError if an image is in table `images` twice or is not in the ground truth."""
    if images["image_id"].duplicated().any():
        raise UserError("images.parquet has an image twice; make the data set again")
    unknown = [image_id for image_id in images["image_id"] if image_id not in truth.images]
    if unknown:
        raise UserError(f"image {unknown[0]} is in images.parquet but not in instances.json; make the data set again")


def check_prompts(prompts: pd.DataFrame) -> None:
    """Raise UserError if a prompt is in table `prompts` twice or has an undeclared kind."""
    duplicated = prompts["prompt_id"].duplicated()
    if duplicated.any():
        prompt_id = prompts.loc[duplicated, "prompt_id"].iat[0]
        raise UserError(f"prompt {prompt_id} is in prompts.parquet twice; make the prompts again")
    for name in prompts["kind"].unique():
        get_row_kind(name)


def mark_unpredicted(prompts: pd.DataFrame, unpredicted: Collection[str]) -> pd.DataFrame:
    """Return table `prompts` without `truth_ids` of absent phrases that could not be predicted: not evaluable."""

    def is_unknown(prompt: Any) -> bool:
        is_phrase = not get_row_kind(prompt.kind).spatial
        return is_phrase and prompt.truth_ids is not None and not len(prompt.truth_ids)

    if not unpredicted:
        return prompts
    ids = set(unpredicted)
    truth_ids = [
        None if prompt.prompt_id in ids and is_unknown(prompt) else prompt.truth_ids
        for prompt in prompts.itertuples(index=False)
    ]
    return prompts.assign(truth_ids=pd.Series(truth_ids, prompts.index, dtype=object))


def check_masks(masks: pd.DataFrame, prompts: pd.DataFrame) -> None:
    """Raise UserError if a row of table `masks` does not fit its prompt, is duplicated, or has invalid numbers."""
    image_of_prompt = dict(zip(prompts["prompt_id"], prompts["image_id"], strict=True))
    expected_images = masks["prompt_id"].map(image_of_prompt)
    scores = masks["score"].to_numpy(np.float64)
    boxes = masks[["x0", "y0", "x1", "y1"]].to_numpy(np.float64)
    has_clicks = masks["clicks"].notna()
    for is_wrong, fault in (
        (~masks["prompt_id"].isin(image_of_prompt), "belongs to a prompt that is not in this shard"),
        (expected_images != masks["image_id"], "is on another image than its prompt"),
        (masks.duplicated(["prompt_id", "prediction_id"]), "is in the table twice"),
        (has_clicks & masks.duplicated(["prompt_id", "clicks"]), "has the same number of clicks as another"),
        (pd.Series(~((scores >= 0) & (scores <= 1)), masks.index), "has a score that is not between 0 and 1"),
        (pd.Series(~np.isfinite(boxes).all(axis=1), masks.index), "has a box with an edge that is not a finite number"),
    ):
        if is_wrong.any():
            row = masks[is_wrong].iloc[0]
            where = f"prediction {row['prediction_id']} of prompt {row['prompt_id']}, image {row['image_id']}"
            raise UserError(f"masks.parquet: {where}, {fault}; predict again")


def truth_rle(instance: Instance, image_row: Any) -> rle.RLE:
    """Return the mask of an instance, or its filled box if it has no mask.

    Args:
        instance: the instance.
        image_row: row of table `images`, as a named tuple.

    Raises:
        UserError: the mask is damaged, or has another size than the image.
    """
    height_width = (image_row.height, image_row.width)
    if instance.rle is None:
        return rle.encode_box(*instance.box, *height_width)
    where = f"instance {instance.id} of image {instance.image_id}"
    mask_height, mask_width = instance.rle["size"]
    if (mask_height, mask_width) != height_width:
        raise UserError(
            f"{where}: its mask is {mask_width}×{mask_height} px, the image {image_row.width}×{image_row.height}; "
            "make the data set again"
        )
    try:
        return rle.make_rle(instance.rle["counts"], *height_width)
    except UserError as error:
        raise UserError(f"{where}: {error}; make the data set again") from None


def prediction_rle(mask_row: Any, image_row: Any) -> rle.RLE:
    """Return the mask of a row of table `masks`.

    Args:
        mask_row: row of table `masks`, as a named tuple.
        image_row: row of table `images`, as a named tuple.

    Raises:
        UserError: the mask is damaged, or has another size than the image.
    """
    where = f"prediction {mask_row.prediction_id} of prompt {mask_row.prompt_id}"
    if (mask_row.height, mask_row.width) != (image_row.height, image_row.width):
        raise UserError(
            f"{where}: its mask is {mask_row.width}×{mask_row.height} px, image {image_row.image_id} is "
            f"{image_row.width}×{image_row.height}; predict again"
        )
    try:
        return rle.make_rle(mask_row.rle, mask_row.height, mask_row.width)
    except UserError as error:
        raise UserError(f"{where}: {error}; predict again") from None


def target_columns(
    prompt: Any, column_by_id: dict[int, int], instances: list[Instance], row_kind: RowKind
) -> np.ndarray:
    """Return the indices of the instances of a prompt, int64, in ascending order of their ids.

    Args:
        prompt: row of table `prompts`, as a named tuple.
        column_by_id: the index of each instance id in `instances`.
        instances: the instances of the image.
        row_kind: the properties of the prompt's kind.

    Raises:
        UserError: an instance is unknown, marked `ignore` or listed twice, or a spatial prompt lists more than one.
    """
    truth_ids = [] if prompt.truth_ids is None else sorted(prompt.truth_ids)
    where = f"prompt {prompt.prompt_id} of image {prompt.image_id}"
    for index, truth_id in enumerate(truth_ids):
        if truth_id not in column_by_id:
            raise UserError(f"{where} has instance {truth_id}, which is not in the image; make the prompts again")
        if instances[column_by_id[truth_id]].ignore:
            raise UserError(f"{where} has instance {truth_id}, which is marked ignore; make the prompts again")
        if index and truth_id == truth_ids[index - 1]:
            raise UserError(f"{where} has instance {truth_id} twice; make the prompts again")
    # A tracked object may be invisible on a frame.
    allowed_lengths = (0, 1) if row_kind.sequence else (1,)
    if row_kind.spatial and prompt.truth_ids is not None and len(truth_ids) not in allowed_lengths:
        raise UserError(f"{where} is spatial and has {len(truth_ids)} instances instead of one; make the prompts again")
    return np.array([column_by_id[truth_id] for truth_id in truth_ids], np.int64)
