"""Images of a data set with the outlines of their annotated instances, and example instances of each attribute value,
for checking the annotations.

The colour of an outline is the instance's value of the first attribute. The letter at an outline is its value of the
second attribute; the most frequent value has no letter. White outlines, with a noun, are of instances without the
first attribute. If no attribute is named, colours only distinguish neighbouring instances. Dotted outlines are of
ignored instances, which count neither as matched nor as missed (too small, or almost hidden).

Images are ranked by their number of instances (ties by image id), and of N images drawn the k-th is at the (2k − 1)/2N
quantile, so that images with few and with many instances are both drawn. Examples are selected at the same quantiles
of their area, the largest first, from all instances of the data set that have every attribute shown, are not ignored,
are at most half occluded and do not touch the image border. Examples of other attributes have the most frequent value
of the second attribute. Nothing is selected by hand. The CSV file lists every instance drawn.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from samgap.annotations import ground_truth
from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.errors import UserError
from samgap.paper import style
from samgap.paper.attribute_key import AttributeKey, draw_instances
from samgap.paper.csv import iterate_rows
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.images import draw_image, draw_outline, fit_resolution, read_image, select_quantiles
from samgap.paper.layout import add_panel, from_top_left, wrap_text
from samgap.tables.images import IMAGES

COLUMNS = ["part", "image_id", "file", "instance_id", "noun", "area_px", "occlusion", "ignore", "attributes", "source"]
IMAGES_PER_LINE, LEGEND_HEIGHT, CAPTION_HEIGHT, CAPTION_LINES = 4, 0.26, 0.4, 3  # heights in inches
EXAMPLES_PER_VALUE, EXAMPLE_SIDE, GAP, VALUE_WIDTH, EXAMPLES_MARGIN = 6, 0.45, 0.04, 0.48, 0.1  # sizes in inches
CONTENT_WIDTH = style.FIGURE_WIDTH_IN - 2 * style.MARGIN_IN  # inches
MAX_OCCLUSION = 0.5


@dataclass(frozen=True)
class Layout:
    """Sizes of the page in inches, for `n_images` images of at most `aspect` (height over width)."""

    n_images: int
    n_values: int
    aspect: float

    @property
    def n_bands(self) -> int:
        """Lines of examples; a line has two attribute values side by side."""
        return -(-self.n_values // 2)

    @property
    def n_lines(self) -> int:
        """Lines of images."""
        return -(-self.n_images // IMAGES_PER_LINE)

    @property
    def examples_height(self) -> float:
        """Height of all examples with the margin above them."""
        return EXAMPLES_MARGIN + self.n_bands * (EXAMPLE_SIDE + GAP) if self.n_bands else 0

    @property
    def image_width(self) -> float:
        """Width of an image, so that all fit on a page."""
        height = style.MAX_FIGURE_HEIGHT_IN - LEGEND_HEIGHT - self.examples_height - style.STAMP_MARGIN_IN
        widest = (CONTENT_WIDTH - (IMAGES_PER_LINE - 1) * GAP) / IMAGES_PER_LINE
        return min(widest, (height / self.n_lines - CAPTION_HEIGHT) / self.aspect)

    @property
    def line_height(self) -> float:
        """Height of a line of images with their captions."""
        return self.image_width * self.aspect + CAPTION_HEIGHT

    @property
    def height(self) -> float:
        """Height of the page."""
        return LEGEND_HEIGHT + self.n_lines * self.line_height + self.examples_height + style.STAMP_MARGIN_IN

    def image_corner(self, index: int) -> tuple[float, float]:
        """Return the distances of an image's upper left corner from that of the page."""
        line, column = divmod(index, IMAGES_PER_LINE)
        gap = (CONTENT_WIDTH - IMAGES_PER_LINE * self.image_width) / (IMAGES_PER_LINE - 1)
        return style.MARGIN_IN + column * (self.image_width + gap), LEGEND_HEIGHT + line * self.line_height

    def value_corner(self, index: int) -> tuple[float, float]:
        """Return the distances of an attribute value's upper left corner from that of the page."""
        side, band = divmod(index, self.n_bands)
        left = style.MARGIN_IN + side * (CONTENT_WIDTH - VALUE_WIDTH - EXAMPLES_PER_VALUE * (EXAMPLE_SIDE + GAP) + GAP)
        top = self.height - style.STAMP_MARGIN_IN - self.examples_height + EXAMPLES_MARGIN
        return left, top + band * (EXAMPLE_SIDE + GAP)


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the entry's number of images, and examples of the attributes that it names."""
    attributes = request.entry.get("attributes", [])
    truth = ground_truth.read_ground_truth(request.inputs["truth"])
    for attribute in attributes:
        if attribute not in truth.attributes:
            raise UserError(
                f"figures.{request.figure_id}.attributes: {request.entry['dataset']} has no '{attribute}'; name some "
                f"of {sorted(truth.attributes)}"
            )
    images = sorted(
        iterate_rows(IMAGES.read(request.inputs["image_table"])),
        key=lambda image: (len(truth.instances_of(image.image_id)), image.image_id),
    )
    images = select_quantiles(images, request.entry["images"])
    key = AttributeKey(truth, attributes)
    examples = {
        (attribute, value): select_examples(truth, key, attribute, value)
        for attribute in attributes
        for value in truth.attributes[attribute]
    }
    figure = draw_sheet(images, truth, Path(request.inputs["images"]), key, examples)
    drawn = [("image", instance) for image in images for instance in truth.instances_of(image.image_id)]
    drawn += [(f"{name}={value}", instance) for (name, value), instances in examples.items() for instance in instances]
    source = f"{request.inputs['image_table']};{request.inputs['truth']}"
    # Only annotations are drawn, so no model is named and the figure gets no demo stamp.
    return FigureOutput(figure, build_rows(drawn, truth, source))


def select_examples(truth: GroundTruth, key: AttributeKey, attribute: str, value: str) -> list[Instance]:
    """Return the instances drawn as examples of an attribute's value (see the caption), largest first."""

    def is_example(instance: Instance) -> bool:
        has_all = instance.rle is not None and set(key.attributes) <= instance.attributes.keys()
        if not has_all or instance.attributes[attribute] != value or instance.ignore:
            return False
        is_other = key.most_frequent is not None and attribute != key.attributes[1]
        if is_other and instance.attributes[key.attributes[1]] != key.most_frequent:
            return False
        image = truth.images[instance.image_id]
        x0, y0, x1, y1 = instance.box
        is_inside = x0 > 0 and y0 > 0 and x1 < image["width"] and y1 < image["height"]
        return is_inside and (instance.occlusion or 0) <= MAX_OCCLUSION

    candidates = [
        instance for image_id in truth.images for instance in truth.instances_of(image_id) if is_example(instance)
    ]
    return select_quantiles(sorted(candidates, key=lambda instance: (-instance.area, instance.id)), EXAMPLES_PER_VALUE)


def draw_sheet(
    images: Sequence[Any],
    truth: GroundTruth,
    folder: Path,
    key: AttributeKey,
    examples: Mapping[tuple[str, str], Sequence[Instance]],
) -> Figure:
    """Draw the images with their captions, below them a line of examples for each attribute value.

    Args:
        images: Rows of table `images`.
        truth: Annotations of the data set.
        folder: Folder of the image files.
        key: Colours and letters of the attributes.
        examples: (attribute, value) -> its example instances.
    """
    pixels = {image.image_id: read_image(folder / image.file) for image in images}
    aspect = max(image.shape[0] / image.shape[1] for image in pixels.values())
    layout = Layout(len(images), len(examples), aspect)
    # Both at one resolution, by the area of all.
    area = len(images) * layout.image_width**2 * aspect + sum(map(len, examples.values())) * EXAMPLE_SIDE**2
    resolution = fit_resolution(1, area, 1)
    figure = Figure(figsize=(style.FIGURE_WIDTH_IN, layout.height))
    for index, image in enumerate(images):
        axes = add_panel(figure, *layout.image_corner(index), layout.image_width, layout.image_width * aspect)
        draw_image(axes, pixels[image.image_id], layout.image_width, resolution)
        axes.autoscale(False)
        draw_instances(axes, truth.instances_of(image.image_id), key)
        lines = wrap_text(describe_image(image, truth), layout.image_width, CAPTION_LINES)
        axes.annotate(
            "\n".join(lines), (0, 0), (0, -2), xycoords="axes fraction", textcoords="offset points", va="top",
            fontsize=style.MIN_FONT_SIZE_PT, linespacing=1.1,
        )  # fmt: skip
    for index, ((attribute, value), instances) in enumerate(examples.items()):
        left, top = layout.value_corner(index)
        centre = from_top_left(figure, left, top + EXAMPLE_SIDE / 2)
        for name, align, colour in ((value, "bottom", "black"), (attribute, "top", "0.4")):
            text = "\n".join(wrap_text(name, VALUE_WIDTH, 2))
            figure.text(*centre, text, va=align, fontsize=style.MIN_FONT_SIZE_PT, color=colour)
        for column, instance in enumerate(instances):
            if instance.image_id not in pixels:
                pixels[instance.image_id] = read_image(folder / truth.images[instance.image_id]["file_name"])
            left_edge = left + VALUE_WIDTH + column * (EXAMPLE_SIDE + GAP)
            axes = add_panel(figure, left_edge, top, EXAMPLE_SIDE, EXAMPLE_SIDE)
            _draw_example(axes, pixels[instance.image_id], instance, resolution)
    figure.legend(
        handles=key.legend_handles(), loc="upper center", bbox_to_anchor=(0.5, 1 - style.MARGIN_IN / layout.height),
        ncols=9, frameon=False, handlelength=1.4, columnspacing=1.2, borderpad=0.1, borderaxespad=0,
    )  # fmt: skip
    return figure


def describe_image(image: Any, truth: GroundTruth) -> str:
    """Return the text below an image: its name, the number of instances of each noun, its attributes."""
    attributes = truth.images[image.image_id].get("attributes", {})
    counts = Counter("ignored" if instance.ignore else instance.noun for instance in truth.instances_of(image.image_id))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    parts = [
        ", ".join(f"{noun} {count}" for noun, count in ranked) or "no instances",
        ", ".join(f"{name} {value}" for name, value in attributes.items()),
    ]
    return f"{Path(image.file).stem}: {'; '.join(filter(None, parts))}"


def build_rows(drawn: Sequence[tuple[str, Instance]], truth: GroundTruth, source: str) -> pd.DataFrame:
    """Return the CSV rows, one for each instance drawn.

    Args:
        drawn: (part of the figure, instance), in the order of the rows.
        truth: Annotations of the data set.
        source: Paths of the tables read, for the column `source`.
    """
    rows = [
        {
            "part": part,
            "image_id": instance.image_id,
            "file": truth.images[instance.image_id]["file_name"],
            "instance_id": instance.id,
            "noun": instance.noun,
            "area_px": instance.area,
            "occlusion": instance.occlusion,
            "ignore": instance.ignore,
            "attributes": ";".join(f"{name}={value}" for name, value in sorted(instance.attributes.items())),
            "source": source,
        }
        for part, instance in drawn
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _draw_example(axes: Axes, pixels: np.ndarray, instance: Instance, resolution: float) -> None:
    """Draw an instance in the middle of a square with some background around it, and its outline."""
    x0, y0, x1, y1 = instance.box
    half = 0.62 * max(x1 - x0, y1 - y0)
    x, y = (x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2
    top, left = max(int(y - half) - 1, 0), max(int(x - half) - 1, 0)
    bottom, right = min(int(y + half) + 3, pixels.shape[0]), min(int(x + half) + 3, pixels.shape[1])
    draw_image(axes, pixels, EXAMPLE_SIDE, resolution, (left, right, top, bottom))
    draw_outline(axes, instance.decode_mask(), "white", linewidths=0.3)
    axes.set_xlim(x - half, x + half)
    axes.set_ylim(y + half, y - half)
