"""The parts of SAM2.1 (a) and SAM3 (b), and what goes where. The numbers are parameters.

Blue parts have the same tensors in both models: the blocks of SAM3's tracker are compared with those of SAM2.1 by the
shapes of their tensors. Numbers and shapes are those of the installed packages, built without weights (table
`inventory`); the height of a block grows with the logarithm of its parameters. Pointers are the object pointers with
the embeddings that belong to no other block. The CSV file lists the modules of each block and, for each arrow, the
function of the package in which it can be read.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import log10, prod
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from samgap.paper import style
from samgap.paper.diagram import Diagram
from samgap.paper.facts import read_facts, require_id
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.inventory_parts import ModelInventory, Part, format_count
from samgap.paper.layout import text_width
from samgap.tables.inventory import INVENTORY

INPUTS = ("inventory",)
OPTIONS = {
    "required": ["facts"],
    "properties": {"facts": {"description": "YAML file with the blocks and arrows.", "$ref": "#/$defs/text"}},
}
COLUMNS = ["diagram", "item", "id", "to", "label", "modules", "n_parameters", "n_tensors", "origin", "same_as"]
COLUMNS += ["n_tensors_in_common", "source"]

# Sizes in inches.
BLOCK_WIDTH, COLUMN_STEP, FIRST_BLOCK = 0.92, 1.05, 0.95
ROW_STEP, TITLE_HEIGHT, BAND_MARGIN, LEGEND_HEIGHT, BAND_TEXT_HEIGHT = 0.44, 0.24, 0.07, 0.2, 0.16
ORIGIN_LABELS = {
    "sam2": "tensors of the same shapes in both",
    "other": "SAM2 alone",
    "encoder": "Perception Encoder",
    "sam3": "new in SAM3",
}


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the two diagrams of the entry's facts, one above the other."""
    facts = read_facts(request.figure_id, request.entry["facts"], "architectures")
    inventory = INVENTORY.read(request.inputs["inventory"])
    first, second = (read_parts(diagram, inventory) for diagram in facts["diagrams"])
    common = {
        block["id"]: first[block["same-as"]].shapes & second[block["id"]].shapes
        for block in facts["diagrams"][1]["blocks"]
        if block.get("same-as") in first
    }
    rows = build_rows(facts["diagrams"], (first, second), common, request.inputs["inventory"])
    return FigureOutput(draw_diagrams(facts["diagrams"], rows, common), rows)


def read_parts(diagram: Mapping[str, Any], inventory: pd.DataFrame) -> dict[str, Part]:
    """Return block id -> its part of the model, of the blocks that have modules."""
    model = ModelInventory(inventory, diagram["model"])
    ids = [block["id"] for block in diagram["blocks"]]
    for arrow in diagram["arrows"]:
        for end in ("from", "to"):
            require_id(arrow[end], ids, f"an arrow of {diagram['title']}")
    return {
        block["id"]: model.get_part(block["modules"], block["without"])
        for block in diagram["blocks"]
        if "modules" in block
    }


def build_rows(
    diagrams: Sequence[Mapping[str, Any]],
    parts: Sequence[Mapping[str, Part]],
    common: Mapping[str, Counter[tuple[int, ...]]],
    source: str,
) -> pd.DataFrame:
    """Return the CSV rows: a block, or an arrow with the function in which it can be read.

    Args:
        diagrams: The two diagrams of the facts.
        parts: For each, block id -> its part of the model.
        common: Block of the second diagram -> the shapes of the tensors that it has in common with one of the first.
        source: The table of the inventory.
    """
    compared_with = {block["same-as"] for block in diagrams[1]["blocks"] if is_same(block, parts[1], common)}
    rows: list[dict[str, Any]] = []
    for number, (diagram, diagram_parts) in enumerate(zip(diagrams, parts, strict=True)):
        for block in diagram["blocks"]:
            row = {"diagram": diagram["model"], "item": "block", "id": block["id"], "label": block["label"]}
            if part := diagram_parts.get(block["id"]):
                shared = is_same(block, diagram_parts, common) if number else block["id"] in compared_with
                row |= {
                    "modules": ";".join(block["modules"]) or "whole model",
                    "n_parameters": part.n_parameters,
                    "n_tensors": part.n_tensors,
                    "origin": "sam2" if shared else block["origin"],
                    "same_as": block.get("same-as"),
                    "n_tensors_in_common": common[block["id"]].total() if number and block["id"] in common else None,
                    "source": f"{source}; {part.package}",
                }
            rows.append(row)
        rows += [
            {"diagram": diagram["model"], "item": "arrow", "id": arrow["from"], "to": arrow["to"]}
            | {"source": arrow["source"]}
            for arrow in diagram["arrows"]
        ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype({"n_parameters": "Int64", "n_tensors": "Int64", "n_tensors_in_common": "Int64"})


def is_same(block: Mapping[str, Any], parts: Mapping[str, Part], common: Mapping[str, Counter[Any]]) -> bool:
    """Return whether all tensors of a block of the second diagram have their counterpart in the first."""
    return block["id"] in common and common[block["id"]] == parts[block["id"]].shapes


def draw_diagrams(
    diagrams: Sequence[Mapping[str, Any]], rows: pd.DataFrame, common: Mapping[str, Counter[tuple[int, ...]]]
) -> Figure:
    """Draw the blocks and arrows, a band behind those that have the same tensors, and the legend."""
    heights = [(1 + max(block["row"] for block in diagram["blocks"])) * ROW_STEP for diagram in diagrams]
    tops = [TITLE_HEIGHT, 2 * TITLE_HEIGHT + heights[0] + BAND_TEXT_HEIGHT]
    height = tops[1] + heights[1] + LEGEND_HEIGHT
    drawing = Diagram(style.FIGURE_WIDTH_IN, height)
    boxes: list[dict[str, tuple[float, float, float, float]]] = []
    for letter, diagram, top in zip("ab", diagrams, tops, strict=True):
        blocks = rows[(rows["diagram"] == diagram["model"]) & (rows["item"] == "block")].set_index("id")
        y = (top - TITLE_HEIGHT + 0.04) / height
        style.add_panel_letter(drawing.figure, letter, style.MARGIN_IN / style.FIGURE_WIDTH_IN, 1 - y)
        title = f"{diagram['title']}, {format_count(int(blocks['n_parameters'].sum()))}"
        drawing.add_text(0.22, top - TITLE_HEIGHT + 0.1, title, fontsize=7, fontweight="bold")
        boxes.append(
            {
                block["id"]: place_block(block, blocks.loc[block["id"], "n_parameters"], top)
                for block in diagram["blocks"]
            }
        )
        for block in diagram["blocks"]:
            draw_block(drawing, block, boxes[-1][block["id"]], blocks.loc[block["id"]])
        targets = Counter(arrow["to"] for arrow in diagram["arrows"])
        for arrow in diagram["arrows"]:
            ends = boxes[-1][arrow["from"]], boxes[-1][arrow["to"]]
            drawing.add_arrow(route_arrow(*ends, is_horizontal_first=targets[arrow["to"]] > 1))
    draw_band(drawing, diagrams[1]["blocks"], boxes, common)
    drawing.add_legend(style.MARGIN_IN, height - LEGEND_HEIGHT / 2, ORIGIN_LABELS)
    return drawing.figure


def place_block(block: Mapping[str, Any], n_parameters: Any, top: float) -> tuple[float, float, float, float]:
    """Return x0, y0, x1, y1 of a block, or of the text of an input or output, inches from the upper left corner."""
    y = top + (block["row"] + 0.5) * ROW_STEP
    x = FIRST_BLOCK + (block["column"] - 1) * COLUMN_STEP if block["column"] else style.MARGIN_IN
    if pd.isna(n_parameters):
        width = max(text_width(line) for line in block["label"].split("\n"))
        return x, y - 0.07, x + width, y + 0.07
    half_height = (0.12 + 0.03 * log10(max(n_parameters, 1))) / 2
    return x, y - half_height, x + BLOCK_WIDTH, y + half_height


def draw_block(drawing: Diagram, block: Mapping[str, Any], box: tuple[float, float, float, float], row: Any) -> None:
    """Draw a block with its number of parameters, or the text of an input or output."""
    x0, y0, x1, y1 = box
    if pd.isna(row["n_parameters"]):
        drawing.add_text(x0, (y0 + y1) / 2, block["label"], style="italic")
    else:
        text = f"{block['label']}\n{format_count(row['n_parameters'])}"
        drawing.add_block(x0, y0, x1 - x0, y1 - y0, text, row["origin"])


def route_arrow(start: Sequence[float], end: Sequence[float], is_horizontal_first: bool) -> list[tuple[float, float]]:
    """Return the corners of an arrow from block to block: straight in a row or column, else with one bend."""
    x, y = ((start[0] + start[2]) / 2, (start[1] + start[3]) / 2)
    to_x, to_y = ((end[0] + end[2]) / 2, (end[1] + end[3]) / 2)
    gap = 0.02
    is_right, is_below = end[0] > start[2], to_y > y
    side = (start[2] + gap if is_right else start[0] - gap), y
    entry = (end[0] - gap if is_right else end[2] + gap), to_y
    if abs(y - to_y) < 1e-6:
        return [side, entry]
    if abs(start[0] - end[0]) < 1e-6:
        return [(x, start[3] if is_below else start[1]), (x, end[1] - gap if is_below else end[3] + gap)]
    if is_horizontal_first:
        return [side, (to_x, y), (to_x, end[1] - gap if is_below else end[3] + gap)]
    return [(x, start[3] if is_below else start[1]), (x, to_y), entry]


def draw_band(
    drawing: Diagram,
    blocks: Sequence[Mapping[str, Any]],
    boxes: Sequence[Mapping[str, tuple[float, float, float, float]]],
    common: Mapping[str, Counter[tuple[int, ...]]],
) -> None:
    """Draw a band behind the compared blocks of both diagrams, with the number of tensors in common between them."""
    pairs = [(block["same-as"], block["id"]) for block in blocks if block["id"] in common]
    if not pairs:
        return
    inside = [boxes[0][one] for one, _ in pairs] + [boxes[1][other] for _, other in pairs]
    x0, y0 = min(box[0] for box in inside) - BAND_MARGIN, min(box[1] for box in inside) - BAND_MARGIN
    x1, y1 = max(box[2] for box in inside) + BAND_MARGIN, max(box[3] for box in inside) + BAND_MARGIN
    drawing.add_band(x0, y0, x1 - x0, y1 - y0, style.blend(style.ORIGIN_COLOURS["sam2"], 0.07))
    shapes: Counter[tuple[int, ...]] = sum(common.values(), Counter())
    n_parameters = sum(prod(shape) * count for shape, count in shapes.items())
    between = max(boxes[0][one][3] for one, _ in pairs), min(boxes[1][other][1] for _, other in pairs)
    text = f"{shapes.total():,} tensors of the same shapes in both: {n_parameters:,} parameters"
    drawing.add_text((x0 + x1) / 2, sum(between) / 2, text, ha="center", color=style.ORIGIN_COLOURS["sam2"])
