"""Left, the spatial prompts taken from the ground truth and the mask that the first model gives for each; right,
the same photographs, the phrase that is all the second model is told, and the masks it gives for it.

The spatial prompts are all that the image has, whatever object they point at; a prompt and its mask share a colour.
The masks of the second model are all those that reach the score threshold; their colours only tell them apart.

The photographs are chosen before any model has seen them: those whose ground truth holds the phrase are ranked by
how many instances of it they show (ties by image id), and of N photographs the k-th is the one at the
(2k − 1)/2N quantile, so that few, middling and many instances each have their row. The CSV beside the figure lists
every prompt and mask drawn.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from pycocotools import mask as coco_mask

from samgap.errors import UserError
from samgap.jobs.script import job_context
from samgap.paper import csv, labels, notes, style
from samgap.paper.images import HALO, draw_outline, read_image
from samgap.tables import parquet
from samgap.tables.images import IMAGES
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS

COLUMNS = ["image_id", "file", "side", "dataset", "model", "prompts", "prompt_id", "kind", "phrase", "n_truth"]
COLUMNS += ["prediction_id", "score", "area_px", "x0", "y0", "x1", "y1", "note", "source"]

LEFT, GAP, HEAD, UNDER = 0.2, 0.06, 0.34, 0.17  # inches


def chosen(images, asked, spatial, number):
    """The images drawn (see the caption), few instances first, with `shard_row`: their row in `images`.

    `asked` are the prompts of the phrase, `spatial` the spatial prompts; an image without any of these is no example.
    """
    counts = {row.image_id: len(row.truth_ids) for row in asked.itertuples() if row.truth_ids is not None}
    images = images.reset_index(names="shard_row").assign(n_truth=images["image_id"].map(counts).fillna(0).values)
    ranked = images[(images["n_truth"] > 0) & images["image_id"].isin(spatial["image_id"])]
    ranked = ranked.sort_values(["n_truth", "image_id"]).reset_index(drop=True)
    number = min(number, len(ranked))
    return ranked.iloc[[(2 * k + 1) * len(ranked) // (2 * number) for k in range(number)]]


class Side:
    """One of the two models: its prompts, and its masks of an image, read from the shard that holds it."""

    def __init__(self, name, dataset, entry, prompts_path, prompts, shards, threshold):
        self.name, self.dataset, self.model, self.set = name, dataset, entry["model"], entry["prompts"]
        self.prompts_path, self.prompts, self.shards, self.threshold = prompts_path, prompts, shards, threshold

    def shard(self, image):
        return self.shards[image.shard_row % len(self.shards)]

    def answer(self, image):
        """The prompts of the image, its masks (best first), and why there are none, if the weights are missing."""
        prompts = self.prompts[self.prompts["image_id"] == image.image_id]
        path = self.shard(image)
        skipped = parquet.read_provenance(path).get("skipped")
        masks = MASKS.read(path)
        masks = masks[masks["prompt_id"].isin(prompts["prompt_id"]) & (masks["score"] >= self.threshold)]
        masks = masks.sort_values(["prompt_id", "prediction_id"])
        if self.name == "spatial":  # its best mask is its answer, whatever the score
            masks = masks.drop_duplicates("prompt_id")
        return prompts, masks, f"skipped: {skipped}" if skipped else None

    def rows(self, image, answer):
        """What is drawn of the image: one row for each mask, and one for each prompt without a mask."""
        prompts, masks, note = answer
        drawn = prompts[["prompt_id", "kind", "phrase", "truth_ids"]].merge(
            masks.drop(columns=["image_id", "height", "width", "rle"]), on="prompt_id", how="left"
        )
        drawn["n_truth"] = [len(ids) if ids is not None else None for ids in drawn.pop("truth_ids")]
        known = {"image_id": image.image_id, "file": image.file, "side": self.name, "dataset": self.dataset}
        known |= {"model": self.model, "prompts": self.set, "note": note}
        known |= {"source": f"{self.prompts_path};{self.shard(image)}"}
        drawn = drawn.assign(**known)[COLUMNS]
        return drawn.astype({"prediction_id": "Int64", "area_px": "Int64", "n_truth": "Int64"})


def draw_prompts(axes, prompts):
    for number, row in enumerate(prompts.itertuples()):
        colour = style.INSTANCE_COLOURS[number % len(style.INSTANCE_COLOURS)]
        for box in row.boxes if row.boxes is not None else ():
            size = box["x1"] - box["x0"], box["y1"] - box["y0"]
            corner = box["x0"] - 0.5, box["y0"] - 0.5  # imshow puts a pixel's centre at its index
            axes.add_patch(Rectangle(corner, *size, fill=False, ec=colour, lw=0.9, path_effects=HALO))
        for point in row.points if row.points is not None else ():
            marker = "o" if point["label"] else "X"
            axes.plot(point["x"], point["y"], marker, ms=3.5, mfc=colour, mec="black", mew=0.5)


def draw_masks(axes, masks, numbers):
    """Outline and translucent fill, large masks first; `numbers` choose the colours."""
    for number, row in sorted(zip(numbers, masks.itertuples(), strict=True), key=lambda item: -item[1].area_px):
        if not row.area_px:
            continue
        mask = coco_mask.decode({"size": [row.height, row.width], "counts": row.rle})
        draw_outline(
            axes, mask.astype(bool), style.INSTANCE_COLOURS[number % len(style.INSTANCE_COLOURS)], fill_alpha=0.5
        )


def counted(number, noun):
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def draw(images, answers, folder, sides, models, phrase, threshold):
    """The figure, one row an image: prompts and masks of the spatial side, phrase and masks of the concept side.

    `answers` holds for each image what each side gave (`Side.answer`).
    """
    pictures = [read_image(Path(folder) / image.file) for image in images.itertuples()]
    aspect = max(pixels.shape[0] / pixels.shape[1] for pixels in pictures)
    width = (style.FIGURE_WIDTH_IN - LEFT - 3 * GAP) / 4
    width = min(width, ((style.MAX_FIGURE_HEIGHT_IN - HEAD - style.STAMP_MARGIN_IN) / len(pictures) - UNDER) / aspect)
    total = LEFT + 4 * width + 3 * GAP, HEAD + len(pictures) * (width * aspect + UNDER) + style.STAMP_MARGIN_IN
    figure = Figure(figsize=total)

    kind = sides[0].set.replace("-", " + ")
    heads = [f"{kind} prompts", "masks", f"phrase “{phrase}”", f"masks, score ≥ {threshold:g}"]
    for row, (image, pixels) in enumerate(zip(images.itertuples(), pictures, strict=True)):
        bottom = total[1] - HEAD - (row + 1) * (width * aspect + UNDER) + UNDER
        for column in range(4):
            side = sides[column // 2]
            left = LEFT + column * (width + GAP)
            box = left / total[0], bottom / total[1], width / total[0], width * aspect / total[1]
            axes = figure.add_axes(box, anchor="N")
            if row == 0:
                label = labels.model_label(models, side.model)
                colour = style.family_colour(models[side.model]["family"])
                axes.annotate(
                    f"{label}\n{heads[column]}", (0.5, 1), (0, 3), ha="center", va="bottom", color=colour,
                    xycoords="axes fraction", textcoords="offset points", linespacing=1.3,
                )  # fmt: skip
            if column == 0:
                name = Path(image.file).stem
                axes.annotate(
                    name if len(name) <= 40 else f"{name[:39]}…", (0, 0.5), (-3, 0), rotation=90, ha="right",
                    va="center", xycoords="axes fraction", textcoords="offset points", fontsize=style.MIN_FONT_SIZE_PT,
                )  # fmt: skip
            panel(axes, column, pixels, answers[row][column // 2], image)
    return figure


def panel(axes, column, pixels, answer, image):
    """One photograph: 0 the prompts, 1 their masks, 2 the phrase, 3 its masks; a line under it counts them."""
    prompts, masks, note = answer
    axes.set_axis_off()
    if column in (1, 3) and note:
        axes.imshow(np.full_like(pixels, 238))
        place = {"ha": "center", "va": "center", "transform": axes.transAxes}
        axes.text(0.5, 0.5, notes.shorten_note(note, 24, 4), style="italic", **place)
        return
    axes.imshow(pixels)
    axes.autoscale(False)
    if column == 0:
        draw_prompts(axes, prompts)
        under = counted(len(prompts), "prompt")
    elif column == 1:
        order = {prompt_id: number for number, prompt_id in enumerate(prompts["prompt_id"])}
        draw_masks(axes, masks, masks["prompt_id"].map(order))
        under = counted(len(masks), "mask")
    elif column == 2:
        under = counted(int(image.n_truth), "instance") + " in the truth"
    else:
        draw_masks(axes, masks, range(len(masks)))
        under = counted(len(masks), "mask")
    axes.annotate(
        under, (0.5, 0), (0, -2), ha="center", va="top", xycoords="axes fraction", textcoords="offset points",
        fontsize=style.MIN_FONT_SIZE_PT,
    )  # fmt: skip


def nothing_to_draw(dataset, phrase, concept, path):
    """Where no image's truth answers the phrase: a figure that says so, and the row that says so."""
    note = f"not evaluable: no image of {dataset} has a prompt and known instances of “{phrase}”"
    figure = Figure(figsize=(style.FIGURE_WIDTH_IN, 1.2))
    figure.text(0.5, 0.5, notes.shorten_note(note, 90, 3), ha="center", va="center", style="italic")
    known = {"side": "concept", "dataset": dataset, "model": concept["model"], "prompts": concept["prompts"]}
    row = {**dict.fromkeys(COLUMNS), **known, "phrase": phrase, "note": note, "source": path}
    return figure, pd.DataFrame([row], columns=COLUMNS)


with job_context(snakemake):
    entry, models, threshold = snakemake.params.entry, snakemake.params.models, snakemake.params.score_threshold
    dataset, phrase = entry["dataset"], entry["concept"]["phrase"]
    spatial_prompts = PROMPTS.read(snakemake.input.spatial_prompts)
    concept_prompts = PROMPTS.read(snakemake.input.concept_prompts)
    asked = concept_prompts[concept_prompts["phrase"] == phrase]
    if asked.empty:
        raise UserError(
            f"figures.{snakemake.wildcards.figure}.concept.phrase: “{phrase}” is no phrase of the prompts "
            f"{entry['concept']['prompts']}; name one of {sorted(set(concept_prompts['phrase'].dropna()))}"
        )
    images = IMAGES.read(snakemake.input.image_table)
    images = chosen(images, asked, spatial_prompts, entry["images"])
    sides = [
        Side("spatial", dataset, entry["spatial"], snakemake.input.spatial_prompts, spatial_prompts,
             snakemake.input.spatial_masks, 0),
        Side("concept", dataset, entry["concept"], snakemake.input.concept_prompts, asked,
             snakemake.input.concept_masks, threshold),
    ]  # fmt: skip
    with style.figure_style():
        if images.empty:
            figure, drawn = nothing_to_draw(dataset, phrase, entry["concept"], snakemake.input.concept_prompts)
        else:
            pictured = list(images.itertuples())
            answers = [[side.answer(image) for side in sides] for image in pictured]
            figure = draw(images, answers, snakemake.input.images, sides, models, phrase, threshold)
            parts = [
                side.rows(image, answer)
                for image, pair in zip(pictured, answers, strict=True)
                for side, answer in zip(sides, pair, strict=True)
            ]
            drawn = pd.concat(parts)
        demo = style.has_demo_model(models, [side.model for side in sides])
        style.save_figure(figure, [snakemake.output.pdf, snakemake.output.svg, snakemake.output.png], demo)
    csv.write_csv(snakemake.output.rows, drawn)
