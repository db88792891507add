"""Colours, letters and legend for the attributes of annotated instances."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.paper import style
from samgap.paper.images import HALO, draw_outline
from samgap.paper.text_placer import TextPlacer

IGNORED_COLOUR, OTHER_COLOUR = "#C8C8C8", "#FFFFFF"


class AttributeKey:
    """Colours and letters of attribute values.

    Args:
        truth: Annotations of the whole data set.
        attributes: Ids of the attributes: the first is drawn as a colour, the second as a letter.

    Attributes:
        colours: Value of the first attribute -> colour.
        letters: Value of the second attribute -> letter; its most frequent value has none.
        most_frequent: The most frequent value of the second attribute; None without a second attribute.
    """

    def __init__(self, truth: GroundTruth, attributes: Sequence[str]) -> None:
        self.attributes = attributes
        self.colours: dict[str, str] = {}
        self.letters: dict[str, str] = {}
        self.most_frequent: str | None = None
        self._has_several_nouns = len(truth.nouns) > 1
        if attributes:
            self.colours = dict(zip(truth.attributes[attributes[0]], style.INSTANCE_COLOURS, strict=False))
        if attributes[1:]:
            values = truth.attributes[attributes[1]]
            counts = Counter(
                instance.attributes[attributes[1]]
                for instances in truth.instances.values()
                for instance in instances
                if attributes[1] in instance.attributes
            )
            self.most_frequent = max(values, key=lambda value: counts[value])
            for value in values:
                if value != self.most_frequent:
                    unused = [letter for letter in value.upper() if letter not in self.letters.values()]
                    self.letters[value] = unused[0] if unused else value

    def outline_colour(self, instance: Instance, index: int) -> str:
        """Return the colour of an instance's outline; without attributes, `index` chooses it."""
        if not self.attributes:
            return style.instance_colour(index)
        return self.colours.get(instance.attributes.get(self.attributes[0], ""), OTHER_COLOUR)

    def outline_text(self, instance: Instance) -> str:
        """Return the text at an instance's outline: the noun if it lacks the first attribute, and the letter."""
        parts = []
        if self.attributes and self._has_several_nouns and self.attributes[0] not in instance.attributes:
            parts.append(instance.noun)
        if self.attributes[1:]:
            parts.append(self.letters.get(instance.attributes.get(self.attributes[1], ""), ""))
        return " ".join(filter(None, parts))

    def legend_handles(self) -> list[Artist]:
        """Return the entries of the legend: colours, ignored instances, letters."""
        colours = dict(self.colours)
        if self.colours:
            colours[f"without {self.attributes[0]}"] = OTHER_COLOUR
        lines = [Line2D([], [], color=colour, lw=1.2, label=name) for name, colour in colours.items()]
        lines.append(Line2D([], [], color=IGNORED_COLOUR, lw=1, ls="dotted", label="ignored"))
        for line in lines:
            line.set_path_effects(HALO)
        return [*lines, *(Line2D([], [], ls="", label=f"{letter}  {value}") for value, letter in self.letters.items())]


def draw_instances(axes: Axes, instances: Sequence[Instance], key: AttributeKey) -> None:
    """Draw the outlines of an image's instances with their text, large ones first.

    The image must be drawn in `axes` already, in pixels, and the size of the figure must be final.
    """
    placer = TextPlacer(axes)
    for index, instance in enumerate(sorted(instances, key=lambda instance: -instance.area)):
        if instance.ignore:
            _draw_edge(axes, instance, IGNORED_COLOUR, linewidths=0.6, linestyles="dotted")
            continue
        _draw_edge(axes, instance, key.outline_colour(instance, index), linewidths=0.7)
        if text := key.outline_text(instance):
            axes.text(
                *placer.place(text, instance.box), text, ha="center", va="center", color="white",
                fontsize=style.MIN_FONT_SIZE_PT, fontweight="bold", path_effects=HALO,
                gid=f"object-{instance.id}-{text.replace(' ', '-')}",
            )  # fmt: skip


def _draw_edge(axes: Axes, instance: Instance, colour: str, **line_style: Any) -> None:
    """Draw the outline of an instance's mask, or its box if it has no mask."""
    if instance.rle is not None:
        draw_outline(axes, instance.decode_mask(), colour, **line_style)
        return
    x0, y0, x1, y1 = instance.box
    box = Rectangle(
        (x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, ec=colour, lw=line_style["linewidths"],
        ls=line_style.get("linestyles", "solid"), path_effects=HALO,
    )  # fmt: skip
    axes.add_patch(box)
