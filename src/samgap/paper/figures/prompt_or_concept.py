"""Left: spatial prompts for the objects that a noun phrase refers to, and the mask that the first model predicts for
each. Right: the same images, the phrase that the second model is prompted with, and the masks that it predicts.

Both sides are about the same objects: the ground-truth instances of the phrase. A spatial prompt is drawn for each, and
a prompt and its mask have the same colour. Of the second model, all masks with a score of at least the threshold are
drawn; their colours only distinguish them. White outlines are the ground truth. Below the masks are their number, the
F1 at IoU 0.5 of the image, and the time: that of the image encoder, and the share of the prompts drawn in the time of
all prompts of the image.

The images are selected without regard to predictions: those with ground-truth instances of the phrase are ranked by
the number of these instances (ties by image id), and of N images drawn the k-th is at the (2k − 1)/2N quantile, so
that images with few and with many instances are both drawn. The CSV file lists every prompt and mask drawn.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from pycocotools import mask as coco_mask

from samgap.annotations import ground_truth
from samgap.annotations.ground_truth import Instance
from samgap.errors import UserError
from samgap.paper import labels, notes, style
from samgap.paper.csv import iterate_rows
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.images import HALO, draw_image, draw_outline, fit_resolution, read_image, select_quantiles
from samgap.paper.prompted_side import COLUMNS, ImagePredictions, Side, select_prompts_of
from samgap.tables.images import IMAGES
from samgap.tables.prompts import PROMPTS

NAME_WIDTH, GAP, HEADING_HEIGHT, COUNT_HEIGHT = 0.2, 0.06, 0.36, 0.17
"""Sizes in inches: file names, gap between panels, headings, counts below the images."""


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
    # Both sides show the same objects: the instances of the phrase.
    truth_ids = set(chain.from_iterable(ids for ids in phrase_prompts["truth_ids"] if ids is not None))
    spatial_prompts = select_prompts_of(spatial_prompts, truth_ids)
    images = select_images(IMAGES.read(inputs["image_table"]), phrase_prompts, spatial_prompts, entry["images"])
    sides = [
        Side(name, dataset, entry[name]["model"], entry[name]["prompts"], inputs[f"{name}_prompts"], prompts,
             inputs[f"{name}_masks"], inputs[f"{name}_timing"], inputs[f"{name}_pairs"], score_threshold)
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
    truth = ground_truth.read_ground_truth(inputs["truth"], [image.image_id for image in images])
    instances = {
        image.image_id: [instance for instance in truth.instances_of(image.image_id) if instance.id in truth_ids]
        for image in images
    }
    figure = draw_rows(images, predictions, sides, instances, request)
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
    instances: Mapping[int, Sequence[Instance]],
    request: FigureRequest,
) -> Figure:
    """Draw one row of four panels for each image: prompts and masks of the first side, phrase and masks of the second.

    Args:
        images: Rows as `select_images` returns them.
        predictions: For each image the predictions of each side.
        sides: The spatial and the concept side.
        instances: Image id -> the ground-truth instances of the phrase.
        request: Has the folder of the images, the phrase, the labels of the models and the score threshold.
    """
    pixel_arrays = [read_image(Path(request.inputs["images"]) / image.file) for image in images]
    aspect = max(pixels.shape[0] / pixels.shape[1] for pixels in pixel_arrays)
    width = (style.FIGURE_WIDTH_IN - 2 * style.MARGIN_IN - NAME_WIDTH - 3 * GAP) / 4
    max_row_height = (style.MAX_FIGURE_HEIGHT_IN - HEADING_HEIGHT - style.STAMP_MARGIN_IN) / len(pixel_arrays)
    width = min(width, (max_row_height - COUNT_HEIGHT) / aspect)
    height = width * aspect
    resolution = fit_resolution(4 * len(images), width, height)
    total_height = HEADING_HEIGHT + len(pixel_arrays) * (height + COUNT_HEIGHT) + style.STAMP_MARGIN_IN
    size = 2 * style.MARGIN_IN + NAME_WIDTH + 4 * width + 3 * GAP, total_height
    figure = Figure(figsize=size)

    phrase = request.entry["concept"]["phrase"]
    headings = [f"prompts: {sides[0].prompt_set}", "masks", f"prompt: “{phrase}”"]
    headings.append(f"masks, score ≥ {request.score_threshold:g}")
    for row, (image, pixels) in enumerate(zip(images, pixel_arrays, strict=True)):
        bottom = size[1] - HEADING_HEIGHT - (row + 1) * (height + COUNT_HEIGHT) + COUNT_HEIGHT
        for column in range(4):
            side = sides[column // 2]
            left = style.MARGIN_IN + NAME_WIDTH + column * (width + GAP)
            box = left / size[0], bottom / size[1], width / size[0], height / size[1]
            axes = figure.add_axes(box, anchor="N")
            axes.set_axis_off()
            if row == 0 and column % 2 == 0:
                style.add_panel_letter(figure, "cd"[column // 2], left / size[0], 1 - style.MARGIN_IN / size[1])
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
            side_predictions = predictions[row][column // 2]
            if column % 2 and side_predictions.note:
                axes.imshow(np.full((*pixels.shape[:2], 3), 238, np.uint8))
                note = notes.shorten_note(side_predictions.note, 24, 4)
                axes.text(0.5, 0.5, note, style="italic", ha="center", va="center", transform=axes.transAxes)
                continue
            draw_image(axes, pixels, width, resolution)
            axes.autoscale(False)
            _draw_panel(axes, column, side_predictions, instances[image.image_id])
    figure.legend(
        handles=[
            Line2D([], [], color="white", lw=0.8, path_effects=HALO, label=f"ground truth of “{phrase}”"),
            Line2D([], [], color=style.instance_colour(0), lw=1.2, label="a prompt or a mask"),
        ],
        loc="lower left", bbox_to_anchor=(0, 0), ncols=2, frameon=False, borderaxespad=0.3, handlelength=1.6,
    )  # fmt: skip
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


def _draw_panel(axes: Axes, column: int, predictions: ImagePredictions, instances: Sequence[Instance]) -> None:
    """Draw (column 0) spatial prompts, (1) their masks or (3) those of the phrase, and from 1 on the ground truth."""
    prompts, masks = predictions.prompts, predictions.masks
    if column == 0:
        _draw_prompts(axes, prompts)
        text = _format_count(len(prompts), "prompt")
    elif column == 2:
        text = f"1 prompt for {_format_count(len(instances), 'instance')}"
    else:
        order = {prompt_id: number for number, prompt_id in enumerate(prompts["prompt_id"])}
        _draw_masks(axes, masks, masks["prompt_id"].map(order) if column == 1 else range(len(masks)))
        text = describe_masks(predictions)
    for instance in instances:
        if instance.rle is not None and column != 0:
            draw_outline(axes, instance.decode_mask(), "white", linewidths=0.5)
    axes.annotate(
        text, (0.5, 0), (0, -2), ha="center", va="top", xycoords="axes fraction", textcoords="offset points",
        fontsize=style.MIN_FONT_SIZE_PT,
    )  # fmt: skip


def describe_masks(predictions: ImagePredictions) -> str:
    """Return the text below the masks of an image: `6 masks · F1 0.91 · 0.72 s`, without what has no value."""
    parts = [_format_count(len(predictions.masks), "mask")]
    parts += [f"F1 {predictions.f1:.2f}"] if predictions.f1 is not None else []
    parts += [f"{predictions.seconds:.2g} s"] if predictions.seconds is not None else []
    return " · ".join(parts)


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
