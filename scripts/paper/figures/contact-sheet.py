"""Images of a data set with the outlines of their labelled objects, and for each value of an attribute some of the
objects that have it, so that a person can check what the labels say.

The colour of an outline is the object's value of the first attribute; the letter at it tells its value of the second
one, unless that is the usual one. White outlines, with the noun beside them, are of objects without that attribute.
Where no attribute is shown, colours only tell neighbours apart. Dotted outlines are of objects that count neither as
hit nor as false (too small, or hardly seen).

Images are ranked by their number of objects (ties by image id), and of N images the k-th is the one at the
(2k − 1)/2N quantile, so that few and many objects each have their place. Objects are chosen likewise, ranked by area,
the largest first, from all of the data set that bear every attribute shown, count, are at most half hidden and do not
reach the image's edge; those of the other attributes' rows have the usual value of the second one. Nothing is chosen
by eye. The CSV beside the figure lists every object drawn.
"""

import textwrap
from collections import Counter
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from samgap.annotations import ground_truth
from samgap.errors import UserError
from samgap.jobs.script import job_context
from samgap.paper import csv, style
from samgap.paper.images import HALO, draw_outline, read_image, select_quantiles
from samgap.tables.images import IMAGES

COLUMNS = ["part", "image_id", "file", "instance_id", "noun", "area_px", "occlusion", "ignore", "attributes", "source"]
ACROSS, HEAD, UNDER, LINE = 4, 0.24, 0.38, 40  # images side by side; inches; letters in a line under an image
CROPS, SIDE, SPACE, NAME, RULE = 6, 0.48, 0.04, 0.46, 0.1  # objects in a row; inches
HALF = 0.5
IGNORED, OTHER = "#C8C8C8", "#FFFFFF"


class Key:
    """What the outlines of objects mean, from the attributes shown and all of a data set's objects."""

    def __init__(self, found, attributes):
        self.attributes = attributes
        self.nouns = found.nouns
        self.colours, self.letters, self.usual = {}, {}, None
        if attributes:
            self.colours = dict(zip(found.attributes[attributes[0]], style.INSTANCE_COLOURS, strict=False))
        if attributes[1:]:
            every = [each for instances in found.instances.values() for each in instances]
            counts = Counter(each.attributes[attributes[1]] for each in every if attributes[1] in each.attributes)
            self.usual = max(found.attributes[attributes[1]], key=lambda value: counts[value])
            for value in found.attributes[attributes[1]]:
                free = [letter for letter in value.upper() if letter not in self.letters.values()]
                if value != self.usual:
                    self.letters[value] = free[0] if free else value

    def colour(self, instance, place):
        """Of its outline; without attributes, neighbours get different ones."""
        if not self.attributes:
            return style.INSTANCE_COLOURS[place % len(style.INSTANCE_COLOURS)]
        return self.colours.get(instance.attributes.get(self.attributes[0]), OTHER)

    def words(self, instance):
        """At its outline."""
        told = []
        if self.attributes and len(self.nouns) > 1 and self.attributes[0] not in instance.attributes:
            told.append(instance.noun)
        if self.attributes[1:]:
            told.append(self.letters.get(instance.attributes.get(self.attributes[1]), ""))
        return " ".join(filter(None, told))

    def legend(self):
        """Handles for matplotlib."""
        named = {**self.colours, **({"has no such value": OTHER} if self.colours else {})}
        lines = [Line2D([], [], color=colour, lw=1.2, label=name) for name, colour in named.items()]
        lines.append(Line2D([], [], color=IGNORED, lw=1, ls="dotted", label="ignored"))
        for line in lines:
            line.set_path_effects(HALO)
        return lines + [Line2D([], [], ls="", label=f"{letter}  {value}") for value, letter in self.letters.items()]


def edge(axes, instance, colour, **line):
    """The outline of an object, or its box where no mask is known."""
    if instance.rle is not None:
        draw_outline(axes, instance.decode_mask(), colour, **line)
        return
    x0, y0, x1, y1 = instance.box
    width, style = line["linewidths"], line.get("linestyles", "solid")
    box = Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, ec=colour, lw=width, ls=style)
    box.set_path_effects(HALO)
    axes.add_patch(box)


def draw_image(axes, pixels, instances, key):
    axes.imshow(pixels)
    axes.autoscale(False)
    for place, each in enumerate(sorted(instances, key=lambda each: -each.area)):
        if each.ignore:
            edge(axes, each, IGNORED, linewidths=0.6, linestyles="dotted")
            continue
        edge(axes, each, key.colour(each, place), linewidths=0.7)
        height, width = pixels.shape[:2]
        above = each.box[1] > 0.06 * height
        words = key.words(each)
        if not words:
            continue
        reach = min(0.016 * len(words), 0.5) * width  # so that the words stay in the image
        middle = min(max((each.box[0] + each.box[2]) / 2, reach), width - reach), each.box[1] if above else each.box[3]
        axes.annotate(
            words, middle, (0, 0.5 if above else -1), textcoords="offset points", ha="center", color="white",
            va="bottom" if above else "top", fontsize=style.MIN_FONT_SIZE_PT, fontweight="bold", path_effects=HALO,
            gid=f"object-{each.id}-{words.replace(' ', '-')}",
        )  # fmt: skip


def words_of(image, found):
    """What stands under an image: its name, how many objects of each noun are labelled in it, its attributes."""
    given = found.images[image.image_id].get("attributes", {})
    instances = found.instances_of(image.image_id)
    counts = Counter("ignored" if each.ignore else each.noun for each in instances)
    held = [f"{noun} {number}" for noun, number in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    told = [", ".join(held) or "nothing labelled", ", ".join(f"{name} {value}" for name, value in given.items())]
    text = f"{Path(image.file).stem}: {'; '.join(filter(None, told))}"
    return textwrap.fill(text, LINE, max_lines=3, placeholder=" …")


def examples_of(found, key, name, value):
    """The objects drawn as examples of `value` (see the caption)."""

    def fits(each, image):
        bears = each.rle is not None and set(key.attributes) <= each.attributes.keys()
        if not bears or each.attributes[name] != value or each.ignore or (each.occlusion or 0) > HALF:
            return False
        if key.usual is not None and name != key.attributes[1] and each.attributes[key.attributes[1]] != key.usual:
            return False
        x0, y0, x1, y1 = each.box
        return x0 > 0 and y0 > 0 and x1 < image["width"] and y1 < image["height"]

    ranked = [each for number, image in found.images.items() for each in found.instances_of(number) if fits(each, image)]
    return select_quantiles(sorted(ranked, key=lambda each: (-each.area, each.id)), CROPS)


def draw_object(axes, pixels, instance):
    """An object in the middle of a square with a little of what is about it, and its edge."""
    x0, y0, x1, y1 = instance.box
    half = 0.62 * max(x1 - x0, y1 - y0)
    x, y = (x0 + x1 - 1) / 2, (y0 + y1 - 1) / 2
    top, left = max(int(y - half) - 1, 0), max(int(x - half) - 1, 0)
    part = pixels[top : int(y + half) + 3, left : int(x + half) + 3]
    extent = left - 0.5, left + part.shape[1] - 0.5, top + part.shape[0] - 0.5, top - 0.5
    axes.imshow(part, extent=extent, interpolation="bilinear")
    draw_outline(axes, instance.decode_mask(), "white", linewidths=0.3)
    axes.set_xlim(x - half, x + half)
    axes.set_ylim(y + half, y - half)


def draw(images, found, folder, attributes):
    """The figure, and what is drawn in it: (part, instance) for each object."""
    key = Key(found, attributes)
    pixels = {image.image_id: read_image(Path(folder) / image.file) for image in images}
    aspect = max(each.shape[0] / each.shape[1] for each in pixels.values())
    values = [(name, value) for name in attributes for value in found.attributes[name]]
    lines, bands = -(-len(images) // ACROSS), -(-len(values) // 2)
    below = (RULE + bands * (SIDE + SPACE)) * bool(bands)
    room = style.MAX_FIGURE_HEIGHT_IN - HEAD - below - style.STAMP_MARGIN_IN
    width = min((style.FIGURE_WIDTH_IN - (ACROSS - 1) * SPACE) / ACROSS, (room / lines - UNDER) / aspect)
    gap = (style.FIGURE_WIDTH_IN - ACROSS * width) / (ACROSS - 1)
    total = style.FIGURE_WIDTH_IN, HEAD + lines * (width * aspect + UNDER) + below + style.STAMP_MARGIN_IN
    figure = Figure(figsize=total)

    def panel(left, top, wide, high):
        """Axes whose upper left corner is that many inches from the figure's."""
        axes = figure.add_axes((left / total[0], 1 - (top + high) / total[1], wide / total[0], high / total[1]))
        axes.set_axis_off()
        axes.set_anchor("N")
        return axes

    drawn = []
    for number, image in enumerate(images):
        line, column = divmod(number, ACROSS)
        axes = panel(column * (width + gap), HEAD + line * (width * aspect + UNDER), width, width * aspect)
        draw_image(axes, pixels[image.image_id], found.instances_of(image.image_id), key)
        axes.annotate(
            words_of(image, found), (0, 0), (0, -2), xycoords="axes fraction", textcoords="offset points", va="top",
            fontsize=style.MIN_FONT_SIZE_PT, linespacing=1.1,
        )  # fmt: skip
        drawn += [("image", each) for each in found.instances_of(image.image_id)]
    for number, (name, value) in enumerate(values):
        side, band = divmod(number, bands)
        left = side * (total[0] - NAME - CROPS * (SIDE + SPACE) + SPACE)
        top = total[1] - style.STAMP_MARGIN_IN - below + RULE + band * (SIDE + SPACE)
        figure.text(
            left / total[0], 1 - (top + SIDE / 2) / total[1], value, va="center", fontsize=style.MIN_FONT_SIZE_PT
        )
        for place, each in enumerate(examples_of(found, key, name, value)):
            if each.image_id not in pixels:
                pixels[each.image_id] = read_image(Path(folder) / found.images[each.image_id]["file_name"])
            draw_object(panel(left + NAME + place * (SIDE + SPACE), top, SIDE, SIDE), pixels[each.image_id], each)
            drawn.append((f"{name}={value}", each))
    figure.legend(
        handles=key.legend(), loc="upper center", bbox_to_anchor=(0.5, 1 - 0.03 / total[1]), ncols=9, frameon=False,
        handlelength=1.4, columnspacing=1.2, borderpad=0.1, borderaxespad=0,
    )  # fmt: skip
    return figure, drawn


def rows_of(drawn, found, source):
    """The CSV: one row for each object drawn."""
    told = [
        {
            **{"part": part, "image_id": each.image_id, "file": found.images[each.image_id]["file_name"]},
            **{"instance_id": each.id, "noun": each.noun, "area_px": each.area, "occlusion": each.occlusion},
            "ignore": each.ignore,
            "attributes": ";".join(f"{name}={value}" for name, value in sorted(each.attributes.items())),
            "source": source,
        }
        for part, each in drawn
    ]
    return pd.DataFrame(told, columns=COLUMNS)


with job_context(snakemake):
    entry = snakemake.params.entry
    attributes = entry.get("attributes", [])
    found = ground_truth.read_ground_truth(snakemake.input.truth)
    for name in attributes:
        if name not in found.attributes:
            raise UserError(
                f"figures.{snakemake.wildcards.figure}.attributes: {entry['dataset']} has no '{name}'; name some of "
                f"{sorted(found.attributes)}"
            )
    images = sorted(
        IMAGES.read(snakemake.input.image_table).itertuples(),
        key=lambda image: (len(found.instances_of(image.image_id)), image.image_id),
    )
    with style.figure_style():
        figure, drawn = draw(select_quantiles(images, entry["images"]), found, snakemake.input.images, attributes)
        # What is drawn is the truth: no model has a part in it.
        style.save_figure(figure, [snakemake.output.pdf, snakemake.output.svg, snakemake.output.png], stamp_demo=False)
    source = f"{snakemake.input.image_table};{snakemake.input.truth}"
    csv.write_csv(snakemake.output.rows, rows_of(drawn, found, source))
