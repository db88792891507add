"""What a user gives, what runs and what comes back: SAM2 with a place for each object (a), SAM3 with a phrase for each
concept (b), and, dashed because the paper leaves it out, SAM2 behind a detector that takes the phrase (c).

Numbers on the arrows are measured in this run: the prompts and masks of an image, means over the images; the time of
the image encoder and that of all prompts of an image, medians over the images, with their share of the time of an
image; in (c) that of the prompts is split between the detector and SAM2. Masks are those at or above the official
score threshold of the model; all boxes of a detector go to SAM2. Brackets are confidence intervals. A place comes
from the ground truth, so it tells SAM2 that there is an object; a phrase does not: the values of (a) and (b) do not
answer the same question, but those of (b) and (c) do. The CSV file has the quartiles of the times, and the source of
each number and of each part.
"""

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from samgap.paper import labels, style
from samgap.paper.diagram import STRIP_WIDTH, Diagram, text_height
from samgap.paper.facts import read_facts
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.lane_measurements import COLUMNS, PROMPTS_METRIC, LaneInputs, measure_lane
from samgap.paper.lane_texts import LaneTexts
from samgap.paper.layout import text_width, wrap_text
from samgap.paper.text_placer import BOLD_WIDTH

OPTIONS = {
    "required": ["facts", "lanes", "experiments", "metrics"],
    "properties": {
        "facts": {"description": "YAML file with the parts of the lanes.", "$ref": "#/$defs/text"},
        "lanes": {
            "description": "The measured cell of each lane. A lane without one says that there is no data.",
            "$ref": "#/$defs/drawn-lanes",
        },
    },
}

# Sizes in inches.
LANE_HEIGHT, TITLE_HEIGHT, BLOCK_HEIGHT, PROMPT_LINE = 0.84, 0.18, 0.4, 0.15
BLOCK_X, BLOCK_WIDTHS, RESULT_X, VALUE_X = (0.68, 2.2, 3.86), (0.82, 0.68, 0.9), 5.73, 6.24
NOTE_HEIGHT, LEGEND_HEIGHT = 0.12, 0.18
GAP, TEXT_GAP, TITLE_X, TITLE_BASELINE, TITLE_SIZE_PT = 0.02, 0.06, 0.2, 0.11, 7.0
LEGEND = (
    "Below an arrow is the time of what is before it, the median of the images, with its share of the time of an "
    "image. Brackets are confidence intervals."
)
TOGETHER = "In {letter}, the detector and the mask decoder are timed together."
DETECTOR_TIME = "detector-seconds"
ORIGIN_LABELS = {
    "sam2": "SAM2",
    "encoder": "Perception Encoder",
    "sam3": "new in SAM3",
    "other": "several, or another model",
}

ArrowTexts = tuple[str, list[str]]
"""The text above an arrow, and the lines below it."""


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the lanes of the entry's facts with the measurements of the entry's cells."""
    lanes = read_facts(request.figure_id, request.entry["facts"], "workflows")["lanes"]
    rows: list[dict[str, Any]] = []
    for lane in lanes:
        parts = [("given", lane["given"]), *(("block", block) for block in lane["blocks"])]
        rows += [
            {"lane": lane["id"], "item": item, "label": part["label"], "source": part["source"]} for item, part in parts
        ]
        rows += measure_lane(get_lane_inputs(request, lane["id"]), request.entry["metrics"])
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"n_images": "Int64", "n_instances": "Int64"})
    measured = [cell["model"] for cell in request.entry["lanes"].values()]
    return FigureOutput(draw_lanes(lanes, table, request), table, measured)


def get_lane_inputs(request: FigureRequest, lane: str) -> LaneInputs:
    """Return where the measurements of a lane are, without a cell if the entry has none."""
    inputs = request.inputs
    timing, pairs = inputs.get(f"{lane}_timing", ()), inputs.get(f"{lane}_pairs", ())
    cell = request.entry["lanes"].get(lane)
    return LaneInputs(lane, cell, inputs["estimates"], request.entry["experiments"], timing, pairs)


def draw_lanes(lanes: Sequence[Mapping[str, Any]], rows: pd.DataFrame, request: FigureRequest) -> Figure:
    """Draw the lanes below each other, and what the numbers mean."""
    texts = LaneTexts(rows[rows["item"] == "measurement"])
    # The texts are made before the drawing, because its height depends on their footnotes.
    results = [format_results(lane, texts, lanes[0]["id"], request.entry["metrics"]) for lane in lanes]
    arrows = [format_arrows(lane, texts) for lane in lanes]
    width = style.FIGURE_WIDTH_IN - 2 * style.MARGIN_IN
    lettered = list(zip(ascii_lowercase, lanes, strict=False))
    together = [
        TOGETHER.format(letter=letter)
        for letter, lane in lettered
        if len(lane["blocks"]) == len(BLOCK_X) and not texts.has(lane["id"], DETECTOR_TIME)
    ]
    datasets = dict.fromkeys(cell["dataset"] for cell in request.entry["lanes"].values())
    legend = " ".join([f"Data: {', '.join(datasets)}." if datasets else "", LEGEND, *together])
    footnotes = [line for text in [legend, *texts.list_footnotes()] for line in wrap_text(text, width, 4)]
    bottom = style.MARGIN_IN + len(lanes) * LANE_HEIGHT + LEGEND_HEIGHT
    height = bottom + len(footnotes) * NOTE_HEIGHT + style.STAMP_MARGIN_IN
    drawing = Diagram(style.FIGURE_WIDTH_IN, height)
    for number, (letter, lane) in enumerate(lettered):
        top = number * LANE_HEIGHT + style.MARGIN_IN
        style.add_panel_letter(drawing.figure, letter, style.MARGIN_IN / style.FIGURE_WIDTH_IN, 1 - top / height)
        draw_title(drawing, lane, top + TITLE_BASELINE, describe_cell(lane, rows, request))
        draw_lane(drawing, lane, top + TITLE_HEIGHT, arrows[number])
        draw_results(drawing, top + TITLE_HEIGHT, results[number])
    drawing.add_legend(style.MARGIN_IN, bottom - LEGEND_HEIGHT / 2, ORIGIN_LABELS)
    for number, line in enumerate(footnotes):
        drawing.add_text(style.MARGIN_IN, bottom + (number + 0.5) * NOTE_HEIGHT, line, color="0.35")
    return drawing.figure


def describe_cell(lane: Mapping[str, Any], rows: pd.DataFrame, request: FigureRequest) -> str:
    """Return what is measured in a lane: `SAM2 (demo), prompts: box; 58 images, 402 objects`."""
    cell = request.entry["lanes"].get(lane["id"])
    if cell is None:
        return ""
    text = f"{labels.model_label(request.models, cell['model'])}, prompts: {cell['prompts']}"
    metrics = request.entry["metrics"]
    estimates = rows[(rows["lane"] == lane["id"]) & rows["quantity"].isin(metrics) & rows["value"].notna()]
    if estimates.empty:
        return text
    images, instances = (labels.format_range(estimates[column]) for column in ("n_images", "n_instances"))
    return f"{text}; {images} images, {instances} {lane['counted']}"


def format_arrows(lane: Mapping[str, Any], texts: LaneTexts) -> list[ArrowTexts]:
    """Return the texts above and below each arrow: that of the prompts, and those from block to block to the masks."""
    id = lane["id"]
    prompts: ArrowTexts = texts.format_count(id, PROMPTS_METRIC, "prompts"), []
    encoder = "", [texts.format_time(id, "encoder")]
    is_split = texts.has(id, DETECTOR_TIME)
    detector_time = [texts.format_time(id, "detector")] if is_split else []
    boxes = texts.format_count(id, "predictions", "boxes"), detector_time
    between: list[ArrowTexts] = [boxes] * (len(lane["blocks"]) - 2)
    # The time of a prompt is that of both parts.
    below = [texts.format_time(id, "segmenter" if is_split else "prompts"), texts.format_time_of_prompt(id)]
    below = below[:1] if is_split else below
    return [prompts, encoder, *between, (texts.format_count(id, "masks", "masks"), below)]


def format_results(
    lane: Mapping[str, Any], texts: LaneTexts, reference: str, metrics: Sequence[str]
) -> list[tuple[str, str]]:
    """Return label and text of each result of a lane; the label of the time is empty."""
    values = [(labels.metric_label(metric), texts.format_result(lane["id"], metric)) for metric in metrics]
    return [*values, ("", texts.format_total(lane["id"], reference, "a"))]


def draw_title(drawing: Diagram, lane: Mapping[str, Any], baseline: float, cell: str) -> None:
    """Write the title of a lane and, at the right, what is measured in it; cut if it is too long."""
    title = lane["title"] + (" (not in the paper)" if lane["not-in-paper"] else "")
    options = {"va": "baseline", "fontsize": TITLE_SIZE_PT, "fontweight": "bold"}
    drawing.add_text(TITLE_X, baseline, title, color=style.ORIGIN_COLOURS[lane["origin"]], **options)
    right = style.FIGURE_WIDTH_IN - style.MARGIN_IN
    left = TITLE_X + text_width(title) * BOLD_WIDTH * TITLE_SIZE_PT / style.MIN_FONT_SIZE_PT + 2 * TEXT_GAP
    text = "".join(wrap_text(cell, right - left, 1))
    drawing.add_text(right, baseline, text, va="baseline", ha="right", color="0.35")


def draw_lane(drawing: Diagram, lane: Mapping[str, Any], top: float, arrows: Sequence[ArrowTexts]) -> None:
    """Draw what is given, the blocks, and the arrows with their texts."""
    blocks, middle = lane["blocks"], top + BLOCK_HEIGHT / 2
    columns = [0, 2] if len(blocks) == 2 else [0, 1, 2]
    options = {"linestyle": (0, (4, 2))} if lane["not-in-paper"] else {}
    for block, column in zip(blocks, columns, strict=True):
        width = BLOCK_WIDTHS[column]
        text = "\n".join(wrap_text(block["label"], width - STRIP_WIDTH - 0.04, 3))
        drawing.add_block(BLOCK_X[column], top, width, BLOCK_HEIGHT, text, block["origin"], **options)
    drawing.add_text(style.MARGIN_IN, middle, "image", style="italic")
    ends = [BLOCK_X[column] for column in columns[1:]] + [RESULT_X - TEXT_GAP]
    starts = [BLOCK_X[column] + BLOCK_WIDTHS[column] for column in columns]
    image = style.MARGIN_IN + text_width("image") + TEXT_GAP
    drawing.add_arrow([(image, middle), (BLOCK_X[0] - GAP, middle)], **options)
    for start, end, (above, below) in zip(starts, ends, arrows[1:], strict=True):
        drawing.add_arrow([(start + GAP, middle), (end - GAP, middle)], **options)
        draw_arrow_texts(drawing, (start + end) / 2, middle, above, below)
    # The prompts go below the encoder of the image to the second block.
    line = top + BLOCK_HEIGHT + PROMPT_LINE
    drawing.add_text(style.MARGIN_IN, line, lane["given"]["label"], style="italic")
    start, target = style.MARGIN_IN + text_width(lane["given"]["label"]) + TEXT_GAP, (ends[0] + starts[1]) / 2
    drawing.add_arrow([(start, line), (target, line), (target, top + BLOCK_HEIGHT + GAP)], **options)
    draw_arrow_texts(drawing, (start + ends[0]) / 2, line, *arrows[0])


def draw_arrow_texts(drawing: Diagram, x: float, y: float, above: str, below: Sequence[str]) -> None:
    """Write one line above a horizontal arrow, and lines below it."""
    if above:
        drawing.add_text(x, y - 0.07, above, ha="center")
    for number, line in enumerate(below):
        if line:
            drawing.add_text(x, y + 0.07 + number * text_height(1), line, ha="center")


def draw_results(drawing: Diagram, top: float, results: Sequence[tuple[str, str]]) -> None:
    """Write the results of a lane below each other."""
    for number, (label, text) in enumerate(results):
        y = top + (number + 0.5) * text_height(1)
        drawing.add_text(RESULT_X, y, label)
        drawing.add_text(VALUE_X if label else RESULT_X, y, text)
