"""The prompts of each prompt set on a few images, for checking them.

Orange dots and boxes are positive, blue crosses and boxes negative; the area of a mask prompt is painted orange. White
outlines are the ground-truth instances that a correct prediction covers. Of clicks, only the first is drawn: each
further click depends on the mask that the model predicted before. Prompts for single instances are drawn around
one instance, with all prompts there; so are tracks, some of which are prompted in the image and the others in an
earlier frame. Of a set of phrases or exemplars, one prompt of each image is drawn, with its phrase above the image
after the number of ground-truth instances ("?": unknown from the annotations).

Images with instances are ranked by their number (ties by image id), and of N images drawn the k-th is at the (2k −
1)/2N quantile. The instance in the middle has the median area. Of an image's phrases in their order, those with
instances if there are any, image k shows the one at the (2k − 1)/2N quantile. Nothing is selected by hand. The CSV
file lists every prompt drawn.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from samgap.annotations import ground_truth
from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.errors import UserError
from samgap.masks import rle
from samgap.paper import style
from samgap.paper.csv import iterate_rows
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.images import HALO, draw_image, draw_outline, fit_resolution, read_image, select_quantiles
from samgap.paper.layout import add_panel, from_top_left
from samgap.paper.prompt_page import fit_page
from samgap.prompts.kinds import get_row_kind, select_row_kinds
from samgap.tables.images import IMAGES
from samgap.tables.prompts import PROMPTS

COLUMNS = ["prompts", "image_id", "file", "prompt_id", "kind", "phrase", "points", "boxes", "mask", "n_truth", "source"]
COLOURS = {1: style.INSTANCE_COLOURS[0], 0: style.INSTANCE_COLOURS[5]}
"""Label of a point or box (1 positive, 0 negative) -> colour."""
CROP_FACTOR = 2.2  # half the side of the crop around an instance, in sides of its box

DrawnPrompts = list[tuple[str, Any, pd.DataFrame]]
"""Prompt set, image and the prompts drawn, in the order of drawing."""


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the entry's prompt sets on its number of images."""
    entry, inputs = request.entry, request.inputs
    if not entry.get("prompts"):
        raise UserError(f"figures.{request.figure_id} names no `prompts`, the prompt sets to draw; add them")
    truth = ground_truth.read_ground_truth(inputs["truth"])
    sources = dict(zip(entry["prompts"], inputs["prompts"], strict=True))
    prompt_sets = {name: PROMPTS.read(path) for name, path in sources.items()}
    counts = {
        image_id: sum(not instance.ignore for instance in truth.instances_of(image_id)) for image_id in truth.images
    }
    images = [image for image in iterate_rows(IMAGES.read(inputs["image_table"])) if counts[image.image_id]]
    if not images:
        raise UserError(f"{entry['dataset']} has no image with an instance to draw prompts on; name another data set")
    images.sort(key=lambda image: (counts[image.image_id], image.image_id))
    images = select_quantiles(images, entry["images"])
    figure, drawn = draw_sheet(images, prompt_sets, truth, Path(inputs["images"]))
    # Only prompts are drawn, so no model is named and the figure gets no demo stamp.
    return FigureOutput(figure, build_rows(drawn, sources))


def draw_sheet(
    images: Sequence[Any], prompt_sets: Mapping[str, pd.DataFrame], truth: GroundTruth, folder: Path
) -> tuple[Figure, DrawnPrompts]:
    """Draw each prompt set on each image.

    Args:
        images: Rows of table `images`.
        prompt_sets: Id of a prompt set -> its rows of table `prompts`.
        truth: Annotations of the data set.
        folder: Folder of the image files.

    Returns:
        The figure and the prompts drawn.
    """
    pixels = {image.image_id: read_image(folder / image.file) for image in images}
    aspect = max(image.shape[0] / image.shape[1] for image in pixels.values())
    drawn = [
        (name, image, select_prompts(prompts[prompts["image_id"] == image.image_id], number, len(images)))
        for name, prompts in prompt_sets.items()
        for number, image in enumerate(images)
    ]
    texts = [describe_prompts(prompts) for _, _, prompts in drawn]
    page = fit_page([texts[start : start + len(images)] for start in range(0, len(texts), len(images))], aspect)
    resolution = fit_resolution(len(drawn), page.width, page.width * aspect)
    figure = Figure(figsize=(style.FIGURE_WIDTH_IN, page.height))
    for index, (name, image, prompts) in enumerate(drawn):
        set_index, image_index = divmod(index, len(images))
        x, y = page.image_corner(set_index, image_index)
        axes = add_panel(figure, x, y, page.width, page.width * aspect)
        instances = truth.instances_of(image.image_id)
        draw_prompted_image(axes, page.width, resolution, prompts, pixels[image.image_id], instances)
        figure.text(
            *from_top_left(figure, x, y - 0.02), "\n".join(page.texts[set_index][image_index]), va="bottom",
            fontsize=style.MIN_FONT_SIZE_PT, linespacing=1, gid=f"words-{name}-{image.image_id}",
        )  # fmt: skip
        if not image_index:
            name_corner = from_top_left(figure, x, page.name_bottom(set_index))
            figure.text(*name_corner, name, va="bottom", fontweight="bold", gid=f"set-{name}")
    figure.legend(
        handles=legend_handles(), loc="upper center", bbox_to_anchor=(0.5, 1 - style.MARGIN_IN / page.height),
        ncols=9, frameon=False, handlelength=1.4, columnspacing=1.2, borderpad=0.1, borderaxespad=0,
    )  # fmt: skip
    return figure, drawn


def legend_handles() -> list[Artist]:
    """Return the entries of the legend: prompts that are positive or negative, and the ground truth."""
    signs = ((1, "positive", "o"), (0, "negative", "X"))
    points: list[Artist] = [
        Line2D([], [], ls="", marker=marker, ms=4, mfc=COLOURS[label], mec="black", mew=0.4, label=f"{sign} point")
        for label, sign, marker in signs
    ]
    boxes = [Rectangle((0, 0), 1, 1, fill=False, ec=COLOURS[label], label=f"{sign} box") for label, sign, _ in signs]
    mask = Rectangle((0, 0), 1, 1, fc=style.blend(COLOURS[1], 0.5), ec=COLOURS[1], label="mask prompt")
    outline = Line2D([], [], color="white", lw=0.8, path_effects=HALO, label="ground truth")
    return [*points, *boxes, mask, outline]


def select_prompts(prompts: pd.DataFrame, index: int, n_images: int) -> pd.DataFrame:
    """Return the prompts of an image that are drawn: all if they are spatial, else one (see the caption).

    Args:
        prompts: Prompts of one set on the image.
        index: Number of the image, from 0.
        n_images: How many images are drawn.
    """
    if _are_spatial(prompts):
        return prompts
    present_prompts = prompts[[ids is not None and len(ids) > 0 for ids in prompts["truth_ids"]]]
    candidates = present_prompts if len(present_prompts) else prompts
    return candidates.iloc[[(2 * index + 1) * len(candidates) // (2 * n_images)]]


def describe_prompts(prompts: pd.DataFrame) -> str:
    """Return the text above an image: phrase, numbers and other properties that the drawing does not show."""
    if not len(prompts):
        return "no prompts"
    prompt = next(iterate_rows(prompts))
    row_kind = get_row_kind(prompt.kind)
    if row_kind.sequence:
        n_prompted = int((prompts["boxes"].notna() | prompts["points"].notna()).sum())
        return f"{n_prompted} prompted, {len(prompts) - n_prompted} tracked"
    if row_kind.spatial:
        return f"first of up to {prompt.clicks} clicks" if row_kind.interactive else ""
    count = "?" if prompt.truth_ids is None else str(len(prompt.truth_ids))
    return f"{count} × " + (f"“{prompt.phrase}”" if prompt.phrase else f"{len(prompt.points)} points")


def draw_prompted_image(
    axes: Axes,
    width: float,
    resolution: float,
    prompts: pd.DataFrame,
    pixels: np.ndarray,
    instances: Sequence[Instance],
) -> None:
    """Draw one image with prompts and their target instances; for spatial prompts a crop around one instance.

    Args:
        axes: Empty axes.
        width: Their width in inches.
        resolution: Pixels per inch, at most.
        prompts: The prompts drawn.
        pixels: The image, uint8 (height, width, 3).
        instances: All instances of the image.
    """
    size = pixels.shape[0], pixels.shape[1]
    is_spatial = len(prompts) > 0 and _are_spatial(prompts)
    x0, x1, y0, y1 = crop_window(instances, size) if is_spatial else (0, size[1], 0, size[0])
    draw_image(axes, pixels, width, resolution, (math.floor(x0), math.ceil(x1), math.floor(y0), math.ceil(y1)))
    axes.set_xlim(x0 - 0.5, x1 - 0.5)
    axes.set_ylim(y1 - 0.5, y0 - 0.5)
    truth_ids = {
        truth_id
        for prompt in iterate_rows(prompts)
        if prompt.truth_ids is not None
        for truth_id in prompt.truth_ids
    }  # fmt: skip
    for instance in instances:
        if instance.id in truth_ids and instance.rle is not None:
            draw_outline(axes, instance.decode_mask(), "white", linewidths=0.4)
    for prompt in iterate_rows(prompts):
        _draw_prompt(axes, prompt, size)


def crop_window(instances: Sequence[Instance], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return x0, x1, y0, y1 in pixels around the instance of median area; of the whole image if there is none.

    Args:
        instances: Instances of the image; ignored ones are left out.
        size: Height and width of the image.
    """
    height, width = size
    ranked = sorted(
        (instance for instance in instances if not instance.ignore), key=lambda instance: (instance.area, instance.id)
    )
    if not ranked:
        return 0, width, 0, height
    x0, y0, x1, y1 = ranked[len(ranked) // 2].box
    half = min(CROP_FACTOR * max(x1 - x0, y1 - y0), min(size) / 2)
    x = min(max((x0 + x1) / 2, half), width - half)
    y = min(max((y0 + y1) / 2, half), height - half)
    return x - half, x + half, y - half, y + half


def build_rows(drawn: DrawnPrompts, sources: Mapping[str, str]) -> pd.DataFrame:
    """Return the CSV rows, one for each prompt drawn.

    Args:
        drawn: The prompts drawn.
        sources: Id of a prompt set -> path of its table, for the column `source`.
    """
    rows = [
        {
            "prompts": name,
            "image_id": image.image_id,
            "file": image.file,
            "prompt_id": prompt.prompt_id,
            "kind": prompt.kind,
            "phrase": prompt.phrase,
            "points": 0 if prompt.points is None else len(prompt.points),
            "boxes": 0 if prompt.boxes is None else len(prompt.boxes),
            "mask": prompt.mask is not None,
            "n_truth": None if prompt.truth_ids is None else len(prompt.truth_ids),
            "source": sources[name],
        }
        for name, image, prompts in drawn
        for prompt in iterate_rows(prompts)
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"n_truth": "Int64"})


def _are_spatial(prompts: pd.DataFrame) -> bool:
    """Return whether all prompts point at one instance each."""
    kinds = set(prompts["kind"])
    return select_row_kinds(kinds, "spatial") == kinds


def _draw_prompt(axes: Axes, prompt: Any, size: tuple[int, int]) -> None:
    """Draw mask, boxes and points of a prompt on an image of `size` (height, width)."""
    if prompt.mask is not None:
        mask = rle.decode(rle.make_rle(prompt.mask, *size))
        draw_outline(axes, mask, COLOURS[1], fill_alpha=0.4, linewidths=0.5)
    # imshow has the centre of a pixel at whole numbers, the table has it at halves.
    for box in prompt.boxes if prompt.boxes is not None else []:
        corner, width, height = (box["x0"] - 0.5, box["y0"] - 0.5), box["x1"] - box["x0"], box["y1"] - box["y0"]
        colour = COLOURS[box["label"]]
        axes.add_patch(Rectangle(corner, width, height, fill=False, ec=colour, lw=0.8, path_effects=HALO))
    is_small = get_row_kind(prompt.kind).automatic
    for label, marker in ((1, "o"), (0, "X")):
        points = [point for point in (prompt.points if prompt.points is not None else []) if point["label"] == label]
        axes.scatter(
            [point["x"] - 0.5 for point in points], [point["y"] - 0.5 for point in points], marker=marker,
            s=0.6 if is_small else 9, c=COLOURS[label], linewidths=0 if is_small else 0.4, edgecolors="black", zorder=3,
        )  # fmt: skip
