"""What is measured must fit together: predictions, prompts, truth and images; what does not is one line."""

from typing import Any

import numpy as np
import pandas as pd

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.errors import UserError
from samgap.masks import rle as shapes


def check_images(images: pd.DataFrame, truth: GroundTruth) -> None:
    if images["image_id"].duplicated().any():
        raise UserError("images.parquet names an image twice; make the data set again")
    unknown = [key for key in images["image_id"] if key not in truth.images]
    if unknown:
        raise UserError(f"image {unknown[0]} is in images.parquet and not in instances.json; make the data set again")


def check_prompts(prompts: pd.DataFrame) -> None:
    twice = prompts["prompt_id"].duplicated()
    if twice.any():
        raise UserError(f"prompt {prompts.loc[twice, 'prompt_id'].iat[0]} stands twice in the prompts; make them again")


def check_masks(masks: pd.DataFrame, prompts: pd.DataFrame) -> None:
    of_image = dict(zip(prompts["prompt_id"], prompts["image_id"], strict=True))
    wanted = masks["prompt_id"].map(of_image)
    scores = masks["score"].to_numpy(np.float64)
    boxes = masks[["x0", "y0", "x1", "y1"]].to_numpy(np.float64)
    clicks = masks["clicks"].notna()
    for wrong, what in (
        (~masks["prompt_id"].isin(of_image), "is of a prompt that this shard's images do not have"),
        (wanted != masks["image_id"], "is of another image than its prompt"),
        (masks.duplicated(["prompt_id", "prediction_id"]), "stands there twice"),
        (clicks & masks.duplicated(["prompt_id", "clicks"]), "comes after as many clicks as another"),
        (pd.Series(~((scores >= 0) & (scores <= 1)), masks.index), "has a score that is not between 0 and 1"),
        (pd.Series(~np.isfinite(boxes).all(axis=1), masks.index), "has a box with an edge that is no number"),
    ):
        if wrong.any():
            row = masks[wrong].iloc[0]
            where = f"prediction {row['prediction_id']} of prompt {row['prompt_id']}, image {row['image_id']}"
            raise UserError(f"masks.parquet: {where}, {what}; predict again")


def truth_rle(instance: Instance, image: Any) -> shapes.RLE:
    """The instance's mask, or its filled box where only that is known; `image` is a row of table `images`."""
    size = (image.height, image.width)
    if instance.rle is None:
        return shapes.encode_box(*instance.box, *size)
    if tuple(instance.rle["size"]) != size:
        raise UserError(
            f"instance {instance.id} of image {instance.image_id}: its mask is {instance.rle['size'][1]}×{instance.rle['size'][0]} px, "
            f"the image {image.width}×{image.height}; make the data set again"
        )
    try:
        return shapes.make_rle(instance.rle["counts"], *size)
    except UserError as error:
        raise UserError(
            f"instance {instance.id} of image {instance.image_id}: {error}; make the data set again"
        ) from None


def prediction_rle(row: Any, image: Any) -> shapes.RLE:
    """The mask of a row of table `masks`, of the size of its image (a row of table `images`)."""
    where = f"prediction {row.prediction_id} of prompt {row.prompt_id}"
    if (row.height, row.width) != (image.height, image.width):
        raise UserError(
            f"{where}: its mask is {row.width}×{row.height} px, image {image.image_id} is "
            f"{image.width}×{image.height}; predict again"
        )
    try:
        return shapes.make_rle(row.rle, row.height, row.width)
    except UserError as error:
        raise UserError(f"{where}: {error}; predict again") from None


def target_columns(
    prompt: Any, column_by_id: dict[int, int], instances: list[Instance], is_spatial: bool
) -> np.ndarray:
    """The prompt's truth as positions in `instances` (whose ids `column` has), ascending by id."""
    wanted = [] if prompt.truth_ids is None else sorted(prompt.truth_ids)
    where = f"prompt {prompt.prompt_id} of image {prompt.image_id}"
    for number, key in enumerate(wanted):
        if key not in column_by_id:
            raise UserError(f"{where} asks for instance {key}, which is not in the image; make the prompts again")
        if instances[column_by_id[key]].ignore:
            raise UserError(f"{where} asks for instance {key}, which is marked ignore; make the prompts again")
        if number and key == wanted[number - 1]:
            raise UserError(f"{where} asks for instance {key} twice; make the prompts again")
    # What is followed through a sequence may be out of sight on a frame.
    right = (0, 1) if prompt.kind == "track" else (1,)
    if is_spatial and prompt.truth_ids is not None and len(wanted) not in right:
        raise UserError(f"{where} is spatial and asks for {len(wanted)} instances, not one; make the prompts again")
    return np.array([column_by_id[key] for key in wanted], np.int64)
