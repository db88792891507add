"""What is asked of the models: each prompt set on a few images, as the table of prompts has it, so that a person can
check it.

Orange dots and boxes are positive, blue crosses and boxes negative; a coarse mask given as a prior is painted orange.
White lines are the instances that a right answer covers. A set that asks for one instance at a time is shown around one
of them, with all its prompts there; so are tracks, of which some are shown on the image and the others, shown before,
are to be found again. Of a set that names a concept one prompt of each image is shown whole, its phrase
above it after the number of right answers ("?": the labels cannot tell).

Images with objects are ranked by their number (ties by image id), and of N images the k-th is the one at the
(2k − 1)/2N quantile. The instance in the middle is the one of middling area. Of an image's phrases, ranked as listed,
those with something to find if there are any, image k shows the one at the (2k − 1)/2N quantile. Nothing is chosen by
eye. The CSV beside the figure lists every prompt drawn.
"""

import math
import textwrap
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from samgap.annotations import ground_truth
from samgap.errors import UserError
from samgap.jobs.script import job_context
from samgap.masks import rle
from samgap.paper import csv, style
from samgap.paper.images import HALO, draw_outline, read_image, select_quantiles
from samgap.prompts.kinds import spatial_row_kinds
from samgap.tables.images import IMAGES
from samgap.tables.prompts import PROMPTS

COLUMNS = ["prompts", "image_id", "file", "prompt_id", "kind", "phrase", "points", "boxes", "mask", "n_truth", "source"]
COLOURS = {1: style.INSTANCE_COLOURS[0], 0: style.INSTANCE_COLOURS[5]}
SPATIAL = spatial_row_kinds()
HEAD, OVER = 0.16, 0.2  # inches: for the name of a set, for the words over a picture
GAP, BETWEEN = 0.04, 0.12  # inches: between pictures, between sets
LEAST, WIDEST = 0.6, 1.7  # inches of a picture
LETTERS = 20  # in an inch of the smallest text
DOTS = 200  # at most, in an inch of a picture
AROUND = 2.2  # half the side of what is seen around an instance, in sides of its box


def shown(prompts, number, of):
    """The prompts of one image that are drawn: all that are spatial, or one; `number` of `of` images."""
    if not len(prompts) or set(prompts["kind"]) <= SPATIAL:
        return prompts
    found = prompts[[wanted is not None and len(wanted) > 0 for wanted in prompts["truth_ids"]]]
    among = found if len(found) else prompts
    return among.iloc[[(2 * number + 1) * len(among) // (2 * of)]]


def words(prompts):
    """What is written above prompts that are no places alone."""
    if not len(prompts):
        return "nothing asked"
    prompt = next(prompts.itertuples())
    if prompt.kind == "track":
        shown = int((prompts["boxes"].notna() | prompts["points"].notna()).sum())
        return f"{shown} shown, {len(prompts) - shown} followed"
    if prompt.kind in SPATIAL:
        return f"up to {prompt.clicks} clicks" if prompt.kind == "clicks" else ""
    told = "?" if prompt.truth_ids is None else str(len(prompt.truth_ids))
    asked = f"“{prompt.phrase}”" if prompt.phrase else f"{len(prompt.points)} points"
    return f"{told} × {asked}"


def fitting(text, width):
    """In two lines of `width` inches at most."""
    return "\n".join(textwrap.wrap(text, int(width * LETTERS), max_lines=2, placeholder=" …"))


def window(instances, shape):
    """x0, x1, y0, y1 around the instance of middling area; the whole image, where there is none."""
    ranked = sorted((each for each in instances if not each.ignore), key=lambda each: (each.area, each.id))
    if not ranked:
        return 0, shape[1], 0, shape[0]
    x0, y0, x1, y1 = ranked[len(ranked) // 2].box
    half = min(AROUND * max(x1 - x0, y1 - y0), min(shape[:2]) / 2)
    x = min(max((x0 + x1) / 2, half), shape[1] - half)
    y = min(max((y0 + y1) / 2, half), shape[0] - half)
    return x - half, x + half, y - half, y + half


def draw_prompt(axes, prompt, size, small):
    """Everything that a prompt shows. A pixel's middle is a whole number here, and a half in the table."""
    if prompt.mask is not None:
        draw_outline(axes, rle.decode(rle.make_rle(prompt.mask, *size)), COLOURS[1], fill_alpha=0.4, linewidths=0.5)
    for box in prompt.boxes if prompt.boxes is not None else []:
        x, y, width, height = box["x0"] - 0.5, box["y0"] - 0.5, box["x1"] - box["x0"], box["y1"] - box["y0"]
        drawn = Rectangle((x, y), width, height, fill=False, ec=COLOURS[box["label"]], lw=0.8)
        drawn.set_path_effects(HALO)
        axes.add_patch(drawn)
    for label, marker in ((1, "o"), (0, "X")):
        points = [point for point in (prompt.points if prompt.points is not None else []) if point["label"] == label]
        axes.scatter(
            [point["x"] - 0.5 for point in points], [point["y"] - 0.5 for point in points], marker=marker,
            s=0.6 if small else 9, c=COLOURS[label], linewidths=0 if small else 0.4, edgecolors="black", zorder=3,
        )  # fmt: skip


def draw_cell(axes, width, prompts, pixels, instances):
    """One image, `width` inches wide, with the prompts of a set."""
    size = pixels.shape[:2]
    near = len(prompts) and set(prompts["kind"]) <= SPATIAL
    x0, x1, y0, y1 = window(instances, size) if near else (0, size[1], 0, size[0])
    left, top, right, bottom = math.floor(x0), math.floor(y0), math.ceil(x1), math.ceil(y1)
    part = Image.fromarray(pixels[top:bottom, left:right])
    part.thumbnail((round(width * DOTS), part.height))
    axes.imshow(part, extent=(left - 0.5, right - 0.5, bottom - 0.5, top - 0.5), interpolation="none")
    axes.set_xlim(x0 - 0.5, x1 - 0.5)
    axes.set_ylim(y1 - 0.5, y0 - 0.5)
    wanted = {key for prompt in prompts.itertuples() for key in (() if prompt.truth_ids is None else prompt.truth_ids)}
    for each in instances:
        if each.id in wanted and each.rle is not None:
            draw_outline(axes, each.decode_mask(), "white", linewidths=0.4)
    for prompt in prompts.itertuples():
        draw_prompt(axes, prompt, size, small=prompt.kind == "grid")


def layout(count, images, aspect):
    """Sets side by side and inches of a picture's width, so that all of `count` sets fit on the page."""
    for across in range(1, count + 1):
        width = min((style.FIGURE_WIDTH_IN - (across - 1) * BETWEEN) / across / images - GAP, WIDEST)
        lines = -(-count // across)
        if (
            width >= LEAST
            and lines * (HEAD + OVER + width * aspect) <= style.MAX_FIGURE_HEIGHT_IN - style.STAMP_MARGIN_IN
        ):
            return across, width
    raise UserError(f"{count} prompt sets on {images} images each do not fit on a page; name fewer")


def draw(images, sets, found, folder):
    """The figure, and what is drawn in it: (set, image, prompts)."""
    pixels = {image.image_id: read_image(Path(folder) / image.file) for image in images}
    aspect = max(each.shape[0] / each.shape[1] for each in pixels.values())
    across, width = layout(len(sets), len(images), aspect)
    block, line = len(images) * (width + GAP) + BETWEEN, HEAD + OVER + width * aspect
    total = style.FIGURE_WIDTH_IN, -(-len(sets) // across) * line + style.STAMP_MARGIN_IN
    figure = Figure(figsize=total)
    drawn = []
    for place, (name, prompts) in enumerate(sets.items()):
        left, top = (place % across) * block, (place // across) * line
        figure.text(left / total[0], 1 - (top + 0.03) / total[1], name, va="top", fontweight="bold", gid=f"set-{name}")
        for number, image in enumerate(images):
            these = shown(prompts[prompts["image_id"] == image.image_id], number, len(images))
            x, y = left + number * (width + GAP), top + HEAD + OVER
            axes = figure.add_axes(
                (x / total[0], 1 - (y + width * aspect) / total[1], width / total[0], width * aspect / total[1])
            )
            axes.set_axis_off()
            axes.set_anchor("N")
            draw_cell(axes, width, these, pixels[image.image_id], found.instances_of(image.image_id))
            told = fitting(words(these), width)
            figure.text(
                x / total[0], 1 - (y - 0.02) / total[1], told, va="bottom", fontsize=style.MIN_FONT_SIZE_PT, linespacing=1,
                gid=f"words-{name}-{image.image_id}",
            )  # fmt: skip
            drawn.append((name, image, these))
    return figure, drawn


def rows_of(drawn, sources):
    """The CSV: one row for each prompt drawn."""
    told = [
        {
            **{"prompts": name, "image_id": image.image_id, "file": image.file, "prompt_id": prompt.prompt_id},
            **{"kind": prompt.kind, "phrase": prompt.phrase},
            "points": 0 if prompt.points is None else len(prompt.points),
            "boxes": 0 if prompt.boxes is None else len(prompt.boxes),
            "mask": prompt.mask is not None,
            "n_truth": None if prompt.truth_ids is None else len(prompt.truth_ids),
            "source": sources[name],
        }
        for name, image, prompts in drawn
        for prompt in prompts.itertuples()
    ]
    return pd.DataFrame(told, columns=COLUMNS).astype({"n_truth": "Int64"})


with job_context(snakemake):
    entry = snakemake.params.entry
    if not entry.get("prompts"):
        raise UserError(f"figures.{snakemake.wildcards.figure} names no `prompts`, the prompt sets to draw; add them")
    found = ground_truth.read_ground_truth(snakemake.input.truth)
    sources = dict(zip(entry["prompts"], snakemake.input.prompts, strict=True))
    sets = {name: PROMPTS.read(path) for name, path in sources.items()}
    counts = {image: sum(not each.ignore for each in found.instances_of(image)) for image in found.images}
    images = IMAGES.read(snakemake.input.image_table).itertuples()
    images = [image for image in images if counts[image.image_id]]
    if not images:
        raise UserError(f"{entry['dataset']} has no image with an object, on which prompts could be drawn")
    images.sort(key=lambda image: (counts[image.image_id], image.image_id))
    with style.figure_style():
        figure, drawn = draw(select_quantiles(images, entry["images"]), sets, found, snakemake.input.images)
        # What is drawn is asked, not answered: no model has a part in it.
        style.save_figure(figure, [snakemake.output.pdf, snakemake.output.svg, snakemake.output.png], stamp_demo=False)
    csv.write_csv(snakemake.output.rows, rows_of(drawn, sources))
