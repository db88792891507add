"""The worst failures of noun phrases, a row of images for each kind, the worst case first.

Blue: the objects that the phrase names (ground truth). Orange: the mask. White, thin: other labelled objects. Missed:
the object alone. Each image has the model, the phrase, the score of the mask, what makes the case bad, and the id of
the image. A heading has the number n of all cases of its kind, in whatever image. Masks count from the official score
threshold of their model. An object is drawn once for each kind. A dagger (†) marks kinds that need exhaustive labels
where those of the data set are not: the mask may be right. The CSV file has the cases drawn.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pycocotools import mask as coco_mask

from samgap.annotations.ground_truth import GroundTruth, read_ground_truth
from samgap.paper import labels, style
from samgap.paper.cell_tables import CELL, add_skipped_cells, list_skips, read_shards
from samgap.paper.csv import iterate_rows
from samgap.paper.failures import KINDS, PREDICTION, find_cases, select_worst
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.images import draw_outline, read_image
from samgap.paper.layout import add_panel, from_top_left, wrap_text
from samgap.paper.no_data import draw_or_explain
from samgap.paper.plots import EDGE_IN, FOOTNOTE_LINE_IN, draw_footnotes, wrap_footnote
from samgap.tables.matching import INSTANCES, OVERLAPS, PAIRS
from samgap.tables.predictions import MASKS
from samgap.tables.statistics import ESTIMATES

INPUTS = ("pairs", "instances", "overlaps", "masks")
TRUTH_COLOUR, MASK_COLOUR = style.FAMILY_COLOURS["sam2"], style.INSTANCE_COLOURS[0]
GAP, HEADING_HEIGHT, TEXT_HEIGHT, ROW_GAP, MAX_WIDTH = 0.06, 0.17, 0.36, 0.08, 1.0
"""Sizes in inches. Larger images make a file of more than 3 MB."""
MIN_CROP_PX, CROP_MARGIN = 64, 0.4
"""Smallest side of a crop, px, and the margin around the case as a share of its size."""
COLUMNS = ["kind", "rank", "severity", "n_cases", *CELL, "image_id", "file", "prompt_id", "phrase", "prediction_id"]
COLUMNS += [
    "score",
    "truth_id",
    "truth_area_px",
    "iou",
    "n_covered",
    "leak",
    "others",
    "lacks_labels",
    "note",
    "source",
]


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the worst cases of the cells with phrases of the entry's experiments, on its data set."""
    rows = select_rows(request)
    cases = rows[rows["kind"].notna()]
    absent = f"no failure of an evaluable phrase on {request.entry['dataset']}"
    return draw_or_explain(rows, not cases.empty, absent, lambda: draw_gallery(cases, rows, request))


def select_rows(request: FigureRequest) -> pd.DataFrame:
    """Return the worst cases with COLUMNS, and a row with a note for each cell that was skipped."""
    inputs = request.inputs
    instances = read_shards(INSTANCES, inputs["instances"])
    truth = _read_truth(request)
    nouns = {instance.id: instance.noun for each in truth.instances.values() for instance in each}
    pairs, overlaps = read_shards(PAIRS, inputs["pairs"]), read_shards(OVERLAPS, inputs["overlaps"])
    cases = find_cases(pairs, instances, overlaps, nouns)
    worst = select_worst(cases, request.entry["images"])
    estimates = ESTIMATES.read(inputs["estimates"])
    lacking = set(estimates.loc[estimates["lacks_labels"].fillna(False).astype(bool), "dataset"])
    worst = worst.assign(
        rank=worst.groupby("kind").cumcount() + 1,
        n_cases=worst["kind"].map(cases["kind"].value_counts()),
        file=worst["image_id"].map({id: image["file_name"] for id, image in truth.images.items()}),
        lacks_labels=worst["dataset"].isin(lacking) & (worst["kind"] == "false positive"),
        note=None,
    )
    return add_skipped_cells(worst, list_skips(inputs["pairs"]), COLUMNS)


def draw_gallery(cases: pd.DataFrame, rows: pd.DataFrame, request: FigureRequest) -> Figure:
    """Draw a row of crops for each kind, with its heading, and at the bottom why cells have none."""
    count = request.entry["images"]
    footnotes = [
        line
        for row in iterate_rows(rows[rows["note"].notna()])
        for line in wrap_footnote(f"{labels.model_label(request.models, row.model)}: no data: {row.note}")
    ]
    if cases["lacks_labels"].any():
        footnotes += wrap_footnote("† labels are not exhaustive: the object may be there without a label.")
    bottom = style.STAMP_MARGIN_IN + len(footnotes) * FOOTNOTE_LINE_IN
    n_rows = cases["kind"].nunique()
    free = style.MAX_FIGURE_HEIGHT_IN - bottom - len(KINDS) * (HEADING_HEIGHT + ROW_GAP) - n_rows * TEXT_HEIGHT
    width = min((style.FIGURE_WIDTH_IN - 2 * EDGE_IN - (count - 1) * GAP) / count, free / n_rows, MAX_WIDTH)
    step = (style.FIGURE_WIDTH_IN - 2 * EDGE_IN) / count
    heights = [
        HEADING_HEIGHT + (width + TEXT_HEIGHT if (cases["kind"] == kind).any() else 0) + ROW_GAP for kind in KINDS
    ]
    figure = Figure(figsize=(style.FIGURE_WIDTH_IN, sum(heights) + bottom))
    draw_footnotes(figure, footnotes)
    truth, masks = _read_truth(request), _read_masks(request, cases)
    top = 0.0
    for (kind, definition), height in zip(KINDS.items(), heights, strict=True):
        own = cases[cases["kind"] == kind]
        n_cases = int(own["n_cases"].max()) if len(own) else 0
        mark = " †" if own["lacks_labels"].any() else ""
        x, y = from_top_left(figure, EDGE_IN, top + 0.04)
        text = wrap_text(f"{kind}{mark} (n = {n_cases:,}): {definition}", style.FIGURE_WIDTH_IN * 0.95, 1)[0]
        figure.text(x, y, text, va="top", fontsize=style.MIN_FONT_SIZE_PT, gid="heading")
        for number, case in enumerate(iterate_rows(own)):
            left = EDGE_IN + number * step
            axes = add_panel(figure, left, top + HEADING_HEIGHT, width, width)
            pixels = read_image(Path(request.inputs["images"]) / case.file)
            draw_case(axes, pixels, case, truth, masks)
            x, y = from_top_left(figure, left, top + HEADING_HEIGHT + width + 0.02)
            lines = [line for text in describe_case(case, request) for line in wrap_text(text, step - GAP, 1)]
            figure.text(x, y, "\n".join(lines), va="top", fontsize=style.MIN_FONT_SIZE_PT, linespacing=1.15)
        top += height
    return figure


def draw_case(
    axes: Axes, pixels: np.ndarray, case: Any, truth: GroundTruth, masks: dict[tuple[Any, ...], np.ndarray]
) -> None:
    """Draw the crop around a case: objects of the phrase blue, other labelled objects white, the mask orange."""
    mask = masks.get(tuple(getattr(case, name) for name in PREDICTION))
    own = [] if pd.isna(case.truth_id) else [int(case.truth_id)]
    own += case.others if isinstance(case.others, list) and case.kind == "merged" else []
    instances = {instance.id: instance for instance in truth.instances_of(case.image_id) if instance.rle is not None}
    shown = [instances[id].decode_mask() for id in own if id in instances]
    area = np.logical_or.reduce([*shown, *([mask] if mask is not None else [])]) if shown or mask is not None else None
    x0, y0, x1, y1 = crop_square(area, pixels.shape[:2])
    axes.imshow(pixels, interpolation="nearest")
    for id, instance in instances.items():
        is_near = instance.box[0] < x1 and instance.box[2] > x0 and instance.box[1] < y1 and instance.box[3] > y0
        if is_near and id not in own:
            draw_outline(axes, instance.decode_mask(), "white", linewidths=0.4)
    for each in shown:
        draw_outline(axes, each, TRUTH_COLOUR, linewidths=1.1)
    if mask is not None:
        draw_outline(axes, mask, MASK_COLOUR, linewidths=0.9, linestyles="dashed")
    axes.set_xlim(x0 - 0.5, x1 - 0.5)
    axes.set_ylim(y1 - 0.5, y0 - 0.5)


def crop_square(area: np.ndarray | None, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the corners x0, y0, x1, y1 (px, end exclusive) of a square around `area`, bool (height, width)."""
    height, width = size
    if area is None or not area.any():
        return 0, 0, min(size), min(size)
    ys, xs = np.nonzero(area)
    extent = max(int(np.ptp(xs)), int(np.ptp(ys))) + 1
    side = int(min(max(extent * (1 + 2 * CROP_MARGIN), MIN_CROP_PX), height, width))
    x0 = int(np.clip((xs.min() + xs.max() + 1 - side) // 2, 0, width - side))
    y0 = int(np.clip((ys.min() + ys.max() + 1 - side) // 2, 0, height - side))
    return x0, y0, x0 + side, y0 + side


def describe_case(case: Any, request: FigureRequest) -> list[str]:
    """Return the three lines below a case: phrase, score and what is wrong, model and image."""
    measures = {
        "missed": f"{int(case.truth_area_px):,} px" if pd.notna(case.truth_area_px) else "",
        "merged": f"{int(case.n_covered)} objects" if pd.notna(case.n_covered) else "",
        "leakage": f"{case.leak:.0%} on others" if pd.notna(case.leak) else "",
    }
    score = f"score {case.score:.2f}" if pd.notna(case.score) else "no mask"
    details = ", ".join(filter(None, [score, measures.get(case.kind, "")]))
    return [f"“{case.phrase}”", details, f"image {case.image_id} · {labels.model_label(request.models, case.model)}"]


def _read_truth(request: FigureRequest) -> GroundTruth:
    return read_ground_truth(request.inputs["truth"])


def _read_masks(request: FigureRequest, cases: pd.DataFrame) -> dict[tuple[Any, ...], np.ndarray]:
    """Return the masks of the cases, bool (height, width), by cell, prompt and prediction."""
    masks = read_shards(MASKS, request.inputs["masks"]).merge(
        cases[PREDICTION].dropna().drop_duplicates(), on=PREDICTION
    )
    return {
        tuple(getattr(row, name) for name in PREDICTION): coco_mask.decode(
            {"size": [row.height, row.width], "counts": row.rle}
        ).astype(bool)
        for row in iterate_rows(masks)
    }
