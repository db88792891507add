"""Left: spatial prompts derived from the ground truth, and the mask that the first model predicts for each. Right: the
same images, the noun phrase that the second model is prompted with, and the masks that it predicts for the phrase.

All spatial prompts of an image are drawn, on all objects; a prompt and its mask have the same colour. Of the second
model, all masks with a score of at least the threshold are drawn; their colours only distinguish them.

The images are selected without regard to predictions: those with ground-truth instances of the phrase are ranked by
the number of these instances (ties by image id), and of N images drawn the k-th is at the (2k − 1)/2N quantile, so
that images with few and with many instances are both drawn. The CSV file lists every prompt and mask drawn.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pycocotools import mask as coco_mask

from samgap.errors import UserError
from samgap.paper import labels, notes, style
from samgap.paper.csv import iterate_rows
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.images import HALO, draw_outline, read_image, select_quantiles
from samgap.tables import parquet
from samgap.tables.images import IMAGES
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS

COLUMNS = ["image_id", "file", "side", "dataset", "model", "prompts", "prompt_id", "kind", "phrase", "n_truth"]
COLUMNS += ["prediction_id", "score", "area_px", "x0", "y0", "x1", "y1", "note", "source"]

NAME_WIDTH, GAP, HEADING_HEIGHT, COUNT_HEIGHT = 0.2, 0.06, 0.34, 0.17
"""Sizes in inches: file names, gap between panels, headings, counts below the images."""


@dataclass(frozen=True)
class ImagePredictions:
    """Prompts and predicted masks of one model on one image."""

    prompts: pd.DataFrame
    """Rows of table `prompts`."""
    masks: pd.DataFrame
    """Rows of table `masks`, best first for each prompt."""
    note: str | None
    """Why there is no mask, if the weights are missing."""


@dataclass(frozen=True)
class Side:
    """One of the two models with its prompts and the shards of its predictions.

    Attributes:
        name: `spatial` or `concept`.
        prompts: The prompts drawn, rows of table `prompts`, from the file `prompts_path`.
        mask_paths: The shards of table `masks`; image row k of the data set is in shard k modulo their number.
        score_threshold: Masks with a lower score are not drawn.
    """

    name: str
    dataset: str
    model: str
    prompt_set: str
    prompts_path: str
    prompts: pd.DataFrame
    mask_paths: Sequence[str]
    score_threshold: float

    def mask_path(self, image: Any) -> str:
        """Return the shard with the predictions of an image."""
        return self.mask_paths[image.shard_row % len(self.mask_paths)]

    def read_predictions(self, image: Any) -> ImagePredictions:
        """Read the masks of an image; only the best mask of a spatial prompt."""
        prompts = self.prompts[self.prompts["image_id"] == image.image_id]
        path = self.mask_path(image)
        skipped = parquet.read_provenance(path).get("skipped")
        masks = MASKS.read(path)
        masks = masks[masks["prompt_id"].isin(prompts["prompt_id"]) & (masks["score"] >= self.score_threshold)]
        masks = masks.sort_values(["prompt_id", "prediction_id"])
        if self.name == "spatial":
            masks = masks.drop_duplicates("prompt_id")
        return ImagePredictions(prompts, masks, f"skipped: {skipped}" if skipped else None)

    def build_rows(self, image: Any, predictions: ImagePredictions) -> pd.DataFrame:
        """Return the CSV rows of an image: one for each mask, and one for each prompt without a mask."""
        rows = predictions.prompts[["prompt_id", "kind", "phrase", "truth_ids"]].merge(
            predictions.masks.drop(columns=["image_id", "height", "width", "rle"]), on="prompt_id", how="left"
        )
        rows["n_truth"] = [len(ids) if ids is not None else None for ids in rows.pop("truth_ids")]
        rows = rows.assign(
            image_id=image.image_id,
            file=image.file,
            side=self.name,
            dataset=self.dataset,
            model=self.model,
            prompts=self.prompt_set,
            note=predictions.note,
            source=f"{self.prompts_path};{self.mask_path(image)}",
        )
        return rows[COLUMNS].astype({"prediction_id": "Int64", "area_px": "Int64", "n_truth": "Int64"})


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the prompts and masks of the entry's two models, one row of panels for each image."""
    entry, inputs = request.entry, request.inputs
    dataset, phrase = entry["dataset"], entry["concept"]["phrase"]
    spatial_prompts = PROMPTS.read(inputs["spatial_prompts"])
    concept_prompts = PROMPTS.read(inputs["concept_prompts"])
    phrase_prompts = concept_prompts[concept_prompts["phrase"] == phrase]
    if phrase_prompts.empty:
        raise UserError(
            f"figures.{request.figure_id}.concept.phrase: “{phrase}” is no phrase of the prompts "
            f"{entry['concept']['prompts']}; name one of {sorted(set(concept_prompts['phrase'].dropna()))}"
        )
    images = select_images(IMAGES.read(inputs["image_table"]), phrase_prompts, spatial_prompts, entry["images"])
    sides = [
        Side(name, dataset, entry[name]["model"], entry[name]["prompts"], inputs[f"{name}_prompts"], prompts,
             inputs[f"{name}_masks"], score_threshold)
        for name, prompts, score_threshold in (
            ("spatial", spatial_prompts, 0),
            ("concept", phrase_prompts, request.score_threshold or 0.0),
        )
    ]  # fmt: skip
    model_ids = [side.model for side in sides]
    if not images:
        figure, rows = draw_no_image(sides[1], phrase)
        return FigureOutput(figure, rows, model_ids)
    predictions = [[side.read_predictions(image) for side in sides] for image in images]
    figure = draw_rows(images, predictions, sides, phrase, request)
    rows = pd.concat(
        side.build_rows(image, side_predictions)
        for image, image_predictions in zip(images, predictions, strict=True)
        for side, side_predictions in zip(sides, image_predictions, strict=True)
    )
    return FigureOutput(figure, rows, model_ids)


def select_images(
    images: pd.DataFrame, phrase_prompts: pd.DataFrame, spatial_prompts: pd.DataFrame, count: int
) -> list[Any]:
    """Select the images drawn (see the caption).

    Args:
        images: Table `images`, in its order.
        phrase_prompts: Prompts of the phrase; an image without instances of it is never selected.
        spatial_prompts: An image without any of these is never selected.
        count: Number of images; all if there are fewer.

    Returns:
        Rows of `images` with the fewest instances first, with two more fields: `shard_row`, the position in
        `images`, and `n_truth`, the number of instances.
    """
    counts = {row.image_id: len(row.truth_ids) for row in iterate_rows(phrase_prompts) if row.truth_ids is not None}
    images = images.reset_index(names="shard_row").assign(n_truth=images["image_id"].map(counts).fillna(0).values)
    ranked = images[(images["n_truth"] > 0) & images["image_id"].isin(spatial_prompts["image_id"])]
    return select_quantiles(list(iterate_rows(ranked.sort_values(["n_truth", "image_id"]))), count)


def draw_rows(
    images: Sequence[Any],
    predictions: Sequence[Sequence[ImagePredictions]],
    sides: Sequence[Side],
    phrase: str,
    request: FigureRequest,
) -> Figure:
    """Draw one row of four panels for each image: prompts and masks of the first side, phrase and masks of the second.

    Args:
        images: Rows as `select_images` returns them.
        predictions: For each image the predictions of each side.
        sides: The spatial and the concept side.
        phrase: The phrase, for the heading.
        request: Has the folder of the images, the labels of the models and the score threshold.
    """
    pixel_arrays = [read_image(Path(request.inputs["images"]) / image.file) for image in images]
    aspect = max(pixels.shape[0] / pixels.shape[1] for pixels in pixel_arrays)
    width = (style.FIGURE_WIDTH_IN - NAME_WIDTH - 3 * GAP) / 4
    max_row_height = (style.MAX_FIGURE_HEIGHT_IN - HEADING_HEIGHT - style.STAMP_MARGIN_IN) / len(pixel_arrays)
    width = min(width, (max_row_height - COUNT_HEIGHT) / aspect)
    height = width * aspect
    total_height = HEADING_HEIGHT + len(pixel_arrays) * (height + COUNT_HEIGHT) + style.STAMP_MARGIN_IN
    size = NAME_WIDTH + 4 * width + 3 * GAP, total_height
    figure = Figure(figsize=size)

    kind = sides[0].prompt_set.replace("-", " + ")
    headings = [f"{kind} prompts", "masks", f"phrase “{phrase}”", f"masks, score ≥ {request.score_threshold:g}"]
    for row, (image, pixels) in enumerate(zip(images, pixel_arrays, strict=True)):
        bottom = size[1] - HEADING_HEIGHT - (row + 1) * (height + COUNT_HEIGHT) + COUNT_HEIGHT
        for column in range(4):
            side = sides[column // 2]
            left = NAME_WIDTH + column * (width + GAP)
            box = left / size[0], bottom / size[1], width / size[0], height / size[1]
            axes = figure.add_axes(box, anchor="N")
            if row == 0:
                label = labels.model_label(request.models, side.model)
                axes.annotate(
                    f"{label}\n{headings[column]}", (0.5, 1), (0, 3), ha="center", va="bottom",
                    color=style.family_colour(request.models[side.model]["family"]),
                    xycoords="axes fraction", textcoords="offset points", linespacing=1.3,
                )  # fmt: skip
            if column == 0:
                name = Path(image.file).stem
                axes.annotate(
                    name if len(name) <= 40 else f"{name[:39]}…", (0, 0.5), (-3, 0), rotation=90, ha="right",
                    va="center", xycoords="axes fraction", textcoords="offset points", fontsize=style.MIN_FONT_SIZE_PT,
                )  # fmt: skip
            _draw_panel(axes, column, pixels, predictions[row][column // 2], image)
    return figure


def draw_no_image(concept: Side, phrase: str) -> tuple[Figure, pd.DataFrame]:
    """Return a figure and a CSV row that say that no image has ground-truth instances of the phrase."""
    note = f"not evaluable: no image of {concept.dataset} has spatial prompts and ground-truth instances of “{phrase}”"
    figure = Figure(figsize=(style.FIGURE_WIDTH_IN, 1.2))
    figure.text(0.5, 0.5, notes.shorten_note(note, 90, 3), ha="center", va="center", style="italic")
    row = {
        "side": concept.name,
        "dataset": concept.dataset,
        "model": concept.model,
        "prompts": concept.prompt_set,
        "phrase": phrase,
        "note": note,
        "source": concept.prompts_path,
    }
    return figure, pd.DataFrame([row], columns=COLUMNS)


def _draw_panel(axes: Axes, column: int, pixels: np.ndarray, predictions: ImagePredictions, image: Any) -> None:
    """Draw a panel: the image with (column 0) prompts, (1) their masks, (2) nothing or (3) the masks of the phrase."""
    prompts, masks = predictions.prompts, predictions.masks
    axes.set_axis_off()
    if column in (1, 3) and predictions.note:
        axes.imshow(np.full_like(pixels, 238))
        placement: dict[str, Any] = {"ha": "center", "va": "center", "transform": axes.transAxes}
        axes.text(0.5, 0.5, notes.shorten_note(predictions.note, 24, 4), style="italic", **placement)
        return
    axes.imshow(pixels)
    axes.autoscale(False)
    if column == 0:
        _draw_prompts(axes, prompts)
        count = _format_count(len(prompts), "prompt")
    elif column == 1:
        order = {prompt_id: number for number, prompt_id in enumerate(prompts["prompt_id"])}
        _draw_masks(axes, masks, masks["prompt_id"].map(order))
        count = _format_count(len(masks), "mask")
    elif column == 2:
        count = _format_count(int(image.n_truth), "ground-truth instance")
    else:
        _draw_masks(axes, masks, range(len(masks)))
        count = _format_count(len(masks), "mask")
    axes.annotate(
        count, (0.5, 0), (0, -2), ha="center", va="top", xycoords="axes fraction", textcoords="offset points",
        fontsize=style.MIN_FONT_SIZE_PT,
    )  # fmt: skip


def _draw_prompts(axes: Axes, prompts: pd.DataFrame) -> None:
    for number, prompt in enumerate(iterate_rows(prompts)):
        colour = style.instance_colour(number)
        for box in prompt.boxes if prompt.boxes is not None else ():
            size = box["x1"] - box["x0"], box["y1"] - box["y0"]
            corner = box["x0"] - 0.5, box["y0"] - 0.5  # imshow has the centre of a pixel at whole numbers
            axes.add_patch(Rectangle(corner, *size, fill=False, ec=colour, lw=0.9, path_effects=HALO))
        for point in prompt.points if prompt.points is not None else ():
            marker = "o" if point["label"] else "X"
            axes.plot(point["x"], point["y"], marker, ms=3.5, mfc=colour, mec="black", mew=0.5)


def _draw_masks(axes: Axes, masks: pd.DataFrame, colour_indices: Iterable[int]) -> None:
    """Draw masks as outline and translucent fill, large ones first."""
    indexed = zip(colour_indices, iterate_rows(masks), strict=True)
    for index, mask in sorted(indexed, key=lambda item: -item[1].area_px):
        if mask.area_px:
            pixels = coco_mask.decode({"size": [mask.height, mask.width], "counts": mask.rle})
            draw_outline(axes, pixels.astype(bool), style.instance_colour(index), fill_alpha=0.5)


def _format_count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
