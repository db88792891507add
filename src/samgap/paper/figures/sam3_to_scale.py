"""SAM3 to scale: its parameters by part (a), and the tokens that flow through it for one image and one phrase (b).

The first bar of a is the whole model; the second enlarges what is neither of the two encoders. Colours and hatching
show where a part comes from; SAM2's parts have the same tensors as in SAM2.1 (Figure 2 b). All numbers are read from
the installed package, built without weights (table `inventory`). Global blocks are those of the vision encoder that
attend over the whole image, numbered from 0; the others attend within windows. The CSV file lists every number with the
module or constant that has it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from samgap.errors import UserError
from samgap.paper import style
from samgap.paper.diagram import Diagram
from samgap.paper.facts import read_facts
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.figures.architectures import read_parts
from samgap.paper.inventory_parts import ModelInventory, format_count
from samgap.paper.layout import text_width
from samgap.tables.inventory import INVENTORY

INPUTS = ("inventory",)
OPTIONS = {
    "required": ["facts"],
    "properties": {"facts": {"description": "YAML file with the parts of SAM3.", "$ref": "#/$defs/text"}},
}
COLUMNS = ["panel", "item", "value", "unit", "share", "origin", "modules", "source"]

# Sizes in inches.
LEFT, WIDTH = style.MARGIN_IN, style.FIGURE_WIDTH_IN - 2 * style.MARGIN_IN
BAR_HEIGHT, BAR_TOP, ZOOM_TOP, FLOW_TOP, HEIGHT = 0.3, 0.26, 0.8, 1.5, 3.3
BLOCK_HEIGHT, ROW_STEP = 0.4, 0.52
SAM2_PARTS = "SAM2's parts"
DETECTOR = "detector."
TRUNK = f"{DETECTOR}backbone.vision_backbone.trunk"
TEXT = f"{DETECTOR}backbone.language_backbone"


@dataclass(frozen=True)
class BarPart:
    """A part in the bars: its name, parameters, origin and modules."""

    label: str
    n_parameters: int
    origin: str
    modules: str


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the bars of the second model of the entry's facts, and the flow of its tokens."""
    facts = read_facts(request.figure_id, request.entry["facts"], "architectures")
    inventory = INVENTORY.read(request.inputs["inventory"])
    diagram = facts["diagrams"][1]
    parts = list_parts(diagram, inventory)
    model = ModelInventory(inventory, diagram["model"])
    tokens = read_tokens(model)
    rows = build_rows(parts, tokens, f"{request.inputs['inventory']}; {model.get_part().package}")
    drawing = Diagram(style.FIGURE_WIDTH_IN, HEIGHT)
    draw_bars(drawing, parts, diagram["title"])
    draw_flow(drawing, {name: value for name, (value, _, _) in tokens.items()})
    return FigureOutput(drawing.figure, rows)


def list_parts(diagram: Any, inventory: pd.DataFrame) -> list[BarPart]:
    """Return the parts from left to right: both encoders, then the others, the smallest last.

    Blocks that are compared with SAM2's are one part.
    """
    parts: list[BarPart] = []
    shared: list[BarPart] = []
    sizes = read_parts(diagram, inventory)
    for block in diagram["blocks"]:
        if block["id"] not in sizes:
            continue
        part = BarPart(
            block["label"], sizes[block["id"]].n_parameters, block["origin"], ";".join(block["modules"])
        )  # fmt: skip
        (shared if "same-as" in block else parts).append(part)
    if shared:
        modules = ";".join(part.modules for part in shared)
        parts.append(BarPart(SAM2_PARTS, sum(part.n_parameters for part in shared), "sam2", modules))
    return sorted(parts, key=lambda part: (part.origin != "encoder", -part.n_parameters))


def read_tokens(model: ModelInventory) -> dict[str, tuple[Any, str, str]]:
    """Return name -> (value, unit, where it is in the model) of the numbers of the flow.

    Raises:
        UserError: The model lacks one of them.
    """

    def require(path: str, value: Any) -> Any:
        if value is None:
            raise UserError(f"{model.model} has no {path} in the inventory; correct the path in sam3_to_scale.py")
        return value

    patch_path = f"{TRUNK}.patch_embed.proj.weight"
    patch_shape = require(patch_path, model.get_shape(patch_path))
    side = require("image_size", model.get_value("image_size"))
    windows = model.list_values(rf"{TRUNK}\.blocks\.\d+\.window_size")
    blocks = {int(path.split(".")[-2]): size for path, size in windows.items()}
    window = max(blocks.values(), default=0)
    per_side = side // patch_shape[-1]
    query_path = f"{DETECTOR}transformer.decoder.query_embed.weight"
    queries = require(query_path, model.get_shape(query_path))
    values: dict[str, tuple[Any, str, str]] = {
        "image side": (side, "px", "image_size"),
        "patch side": (patch_shape[-1], "px", patch_path),
        "tokens a side": (per_side, "tokens", f"image_size / {patch_path}"),
        "image tokens": (per_side**2, "tokens", f"image_size / {patch_path}"),
        "image width": (patch_shape[0], "channels", patch_path),
        "window side": (window, "tokens", f"{TRUNK}.blocks.*.window_size"),
        "window blocks": (sum(size > 0 for size in blocks.values()), "blocks", f"{TRUNK}.blocks.*.window_size"),
        "global blocks": (
            ", ".join(str(number) for number, size in sorted(blocks.items()) if not size), "numbers",
            f"{TRUNK}.blocks.*.window_size",
        ),
        "queries": (queries[0], "queries", query_path),
        "model width": (queries[1], "channels", query_path),
    }  # fmt: skip
    for name, unit, path in (
        ("text tokens", "tokens", f"{TEXT}.context_length"),
        ("text width", "channels", f"{TEXT}.encoder.width"),
        ("fusion layers", "layers", f"{DETECTOR}transformer.encoder.num_layers"),
        ("decoder layers", "layers", f"{DETECTOR}transformer.decoder.num_layers"),
    ):
        values[name] = require(path, model.get_value(path)), unit, path
    for name, folder in (
        ("text layers", f"{TEXT}.encoder.transformer.resblocks"),
        ("geometry layers", f"{DETECTOR}geometry_encoder.encode"),
    ):
        number = 0
        while model.has(f"{folder}.{number}"):
            number += 1
        values[name] = require(folder, number or None), "layers", folder
    return values


def build_rows(parts: Sequence[BarPart], tokens: Any, source: str) -> pd.DataFrame:
    """Return the CSV rows: each part of the bars, and each number of the flow."""
    total = sum(part.n_parameters for part in parts)
    rows: list[dict[str, Any]] = [
        {"panel": "a", "item": part.label, "value": part.n_parameters, "unit": "parameters"}
        | {"share": part.n_parameters / total, "origin": part.origin, "modules": part.modules, "source": source}
        for part in parts
    ]
    rows += [
        {"panel": "b", "item": name, "value": value, "unit": unit, "modules": path, "source": source}
        for name, (value, unit, path) in tokens.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def draw_bars(drawing: Diagram, parts: Sequence[BarPart], title: str) -> None:
    """Draw the whole model as a bar, and below it the parts that are neither of the encoders, enlarged."""
    total = sum(part.n_parameters for part in parts)
    small = [part for part in parts if part.origin != "encoder"]
    n_small = sum(part.n_parameters for part in small)
    _draw_letter(drawing, "a", 0, f"{title}: {total:,} parameters")
    x = LEFT
    for part in [part for part in parts if part.origin == "encoder"]:
        width = WIDTH * part.n_parameters / total
        _draw_segment(drawing, part, x, BAR_TOP, width, WIDTH * part.n_parameters / total)
        x += width
    for part in small:  # without labels: they are in the second bar
        width = WIDTH * part.n_parameters / total
        drawing.add_swatch(x, BAR_TOP, width, BAR_HEIGHT, part.origin)
        x += width
    start = LEFT + WIDTH * (total - n_small) / total
    for top, bottom in ((start, LEFT), (LEFT + WIDTH, LEFT + WIDTH)):
        drawing.axes.plot([top, bottom], [BAR_TOP + BAR_HEIGHT + 0.02, ZOOM_TOP - 0.02], color="0.6", lw=0.6)
    text = f"the other {format_count(n_small)}, enlarged {total / n_small:.0f} times"
    drawing.add_text(LEFT, BAR_TOP + BAR_HEIGHT + 0.08, text, color="0.3")
    x = LEFT
    n_narrow = 0
    for part in small:
        width = WIDTH * part.n_parameters / n_small
        is_narrow = text_width(part.label) > width - 0.08
        _draw_segment(drawing, part, x, ZOOM_TOP, width, 0 if is_narrow else width)
        if is_narrow:  # its label is below the bar, right-aligned, with a line to it
            y = ZOOM_TOP + BAR_HEIGHT + 0.1 + 0.12 * n_narrow
            n_narrow += 1
            middle = x + width / 2
            drawing.axes.plot([middle, middle], [ZOOM_TOP + BAR_HEIGHT, y], color="0.4", lw=0.5)
            label = f"{part.label} {format_count(part.n_parameters)}"
            drawing.add_text(middle - 0.04, y, label, ha="right")
        x += width


def draw_flow(drawing: Diagram, number: Any) -> None:
    """Draw the inputs, the parts with the tokens that they make, and the outputs. `number` has those of the flow."""
    _draw_letter(drawing, "b", FLOW_TOP, "Tokens for one image and one phrase")
    rows = [FLOW_TOP + 0.45 + step * ROW_STEP for step in range(3)]
    first, second, third = LEFT + 1.05, LEFT + 3.45, LEFT + 5.08
    outputs = LEFT + 6.02
    inputs = (
        f"image of\n{number['image side']:,} × {number['image side']:,} px", "noun phrase",
        "boxes of examples\nin this image",
    )  # fmt: skip
    blocks = (
        f"vision encoder: {number['tokens a side']} × {number['tokens a side']} = {number['image tokens']:,} tokens\n"
        f"{number['window blocks']} blocks in windows of {number['window side']} × {number['window side']}\n"
        f"global blocks {number['global blocks']}",
        f"text encoder: {number['text tokens']} tokens\n{number['text layers']} causal layers",
        f"geometry encoder: 1 token a box, and 1 more\n{number['geometry layers']} layers",
    )
    origins = ("encoder", "encoder", "sam3")
    width, column_width = 2.05, 1.22
    fusion = second, rows[1] - 0.24, column_width, 0.48
    for y, text, block, origin in zip(rows, inputs, blocks, origins, strict=True):
        drawing.add_text(LEFT, y, text, style="italic")
        end = LEFT + max(text_width(line) for line in text.split("\n"))
        drawing.add_arrow([(end + 0.02, y), (first - 0.02, y)])
        drawing.add_block(first, y - BLOCK_HEIGHT / 2, width, BLOCK_HEIGHT, block, origin)
        if y == rows[1]:
            drawing.add_arrow([(first + width + 0.02, y), (second - 0.02, y)])
        else:
            edge = fusion[1] - 0.02 if y < rows[1] else fusion[1] + fusion[3] + 0.02
            middle = second + column_width / 2
            drawing.add_arrow([(first + width + 0.02, y), (middle, y), (middle, edge)])
    channels = number["model width"]
    drawing.add_text(
        second + column_width / 2 + 0.06, rows[0] + 0.02, f"all tokens have\n{channels} channels", color="0.3"
    )
    layers = f"{number['fusion layers']} layers"
    drawing.add_block(
        *fusion, f"fusion encoder\n{number['image tokens']:,} tokens attend\nto prompt tokens, {layers}", "sam3"
    )
    drawing.add_arrow([(second + column_width + 0.02, rows[1]), (third - 0.02, rows[1])])
    text = f"query decoder\n{number['queries']} queries + 1\npresence, {number['decoder layers']} layers"
    drawing.add_block(third, rows[1] - 0.24, 0.98, 0.48, text, "sam3")
    drawing.add_arrow([(third + 1.0, rows[1]), (outputs + 0.16, rows[1])])
    text = f"{number['queries']} boxes,\nscores and\nmasks at most"
    drawing.add_text(outputs + 0.2, rows[1], text, style="italic")
    labels = {"encoder": "Perception Encoder", "sam3": "new in SAM3", "sam2": "same tensors as in SAM2.1"}
    drawing.add_legend(third, rows[2] - 0.08, labels, line_height=0.14)


def _draw_segment(drawing: Diagram, part: BarPart, x: float, y: float, width: float, label_width: float) -> None:
    """Draw a part of a bar, with its name and parameters if `label_width` is not 0."""
    colour = style.ORIGIN_COLOURS[part.origin]
    drawing.add_rectangle(x, y, width, BAR_HEIGHT, style.blend(colour, 0.25), ec="white", lw=0.6)
    drawing.add_swatch(x, y, min(0.07, width), BAR_HEIGHT, part.origin)
    if label_width:
        text = f"{part.label}\n{format_count(part.n_parameters)}"
        drawing.add_text(x + (0.07 + width) / 2, y + BAR_HEIGHT / 2, text, ha="center", zorder=3)


def _draw_letter(drawing: Diagram, letter: str, top: float, title: str) -> None:
    style.add_panel_letter(drawing.figure, letter, LEFT / style.FIGURE_WIDTH_IN, 1 - (top + 0.05) / HEIGHT)
    drawing.add_text(LEFT + 0.16, top + 0.11, title, fontsize=7, fontweight="bold")
