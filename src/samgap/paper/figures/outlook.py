"""What the paper expects of models that take concepts, and what of it this run supports.

The mark of a statement is the verdict on its claim, with the figure that shows more, or "claims" for the table of
claims. Grey statements are neither supported nor refuted here: their claims are open or not testable in this run, or
nothing in this repository tests them ("not tested"). The CSV file has the claim and the verdict of each.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from samgap.errors import UserError
from samgap.paper import style
from samgap.paper.audit import draw_verdict, list_demo_models
from samgap.paper.csv import iterate_rows
from samgap.paper.diagram import Diagram, text_height
from samgap.paper.facts import read_facts
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.layout import text_width, wrap_text
from samgap.tables.claims import CLAIMS, NOT_TESTABLE, OPEN, VERDICTS, get_verdict_kind

INPUTS = ("claims",)
OPTIONS = {
    "required": ["facts"],
    "properties": {"facts": {"description": "YAML file with the expectations.", "$ref": "#/$defs/text"}},
}
COLUMNS = ["branch", "statement", "claim", "verdict", "wording", "demo", "shown_in", "paper", "source"]
NOT_TESTED = "not tested"

# Sizes in inches.
TITLE_HEIGHT, LINE_GAP, BRANCH_GAP, LEGEND_LINE_HEIGHT = 0.15, 0.035, 0.06, 0.14
INDENT, MARK_SIDE, PLACE_WIDTH = 0.2, 0.085, 0.56
TEXT_WIDTH = style.COLUMN_WIDTH_IN - 2 * style.MARGIN_IN - INDENT - PLACE_WIDTH
LEGEND_LINES = (VERDICTS[:4], VERDICTS[4:])


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the branches of the entry's facts with the verdicts of the run."""
    branches = read_facts(request.figure_id, request.entry["facts"], "outlook")["branches"]
    claims = CLAIMS.read(request.inputs["claims"])
    rows = build_rows(branches, claims, request.entry["facts"], request.inputs["claims"])
    return FigureOutput(draw_branches(rows), rows, list_demo_models(request.models, rows))


def build_rows(branches: Sequence[Mapping[str, Any]], claims: pd.DataFrame, file: str, source: str) -> pd.DataFrame:
    """Return the CSV rows, one for each statement.

    Raises:
        UserError: A claim that `file` names is not in the table of claims, which is at `source`.
    """
    decided = {claim.id: claim for claim in iterate_rows(claims)}
    rows = []
    for branch in branches:
        for statement in branch["statements"]:
            row = {"branch": branch["title"], "statement": statement["text"], "verdict": NOT_TESTED}
            row |= {"paper": branch["source"], "shown_in": statement.get("shown-in"), "claim": statement.get("claim")}
            if "claim" in statement:
                if statement["claim"] not in decided:
                    raise UserError(f"{file} names the claim '{statement['claim']}', which the run does not have; "
                                    "correct the id")  # fmt: skip
                claim = decided[statement["claim"]]
                row |= {"verdict": claim.verdict, "wording": claim.wording, "demo": claim.demo, "source": source}
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def is_supported_or_refuted(verdict: str) -> bool:
    """Return whether a verdict decides a statement, at least in part."""
    return get_verdict_kind(verdict) not in (OPEN, NOT_TESTABLE, NOT_TESTED)


def draw_branches(rows: pd.DataFrame) -> Figure:
    """Draw the statements below the titles of their branches, and the legend."""
    wrapped = [wrap_text(text, TEXT_WIDTH, 4) for text in rows["statement"]]
    heights = [text_height(len(lines)) + LINE_GAP for lines in wrapped]
    n_branches = rows["branch"].nunique()
    height = style.MARGIN_IN + n_branches * (TITLE_HEIGHT + BRANCH_GAP) + sum(heights)
    height += (len(LEGEND_LINES) + 0.5) * LEGEND_LINE_HEIGHT + style.STAMP_MARGIN_IN
    drawing = Diagram(style.COLUMN_WIDTH_IN, height)
    top, right, title = style.MARGIN_IN, style.COLUMN_WIDTH_IN - style.MARGIN_IN, None
    for row, lines, row_height in zip(iterate_rows(rows), wrapped, heights, strict=True):
        if row.branch != title:
            if title is not None:
                top += BRANCH_GAP / 2
                drawing.axes.plot([style.MARGIN_IN, right], [top, top], color="0.8", lw=0.5)
                top += BRANCH_GAP / 2
            title = row.branch
            drawing.add_text(style.MARGIN_IN, top + TITLE_HEIGHT / 2, title, fontweight="bold")
            top += TITLE_HEIGHT
        colour = "black" if is_supported_or_refuted(row.verdict) else "0.45"
        middle = top + text_height(1) / 2
        if row.verdict != NOT_TESTED:
            kind = get_verdict_kind(row.verdict)
            x = style.MARGIN_IN + 0.05
            draw_verdict(drawing, x, middle - MARK_SIDE / 2, MARK_SIDE, MARK_SIDE, kind)
        for number, line in enumerate(lines):
            drawing.add_text(style.MARGIN_IN + INDENT, middle + number * text_height(1), line, color=colour)
        drawing.add_text(right, middle, row.shown_in or NOT_TESTED, ha="right", color="0.45")
        top += row_height
    draw_legend(drawing, top + LEGEND_LINE_HEIGHT)
    return drawing.figure


def draw_legend(drawing: Diagram, y: float) -> None:
    """Draw the marks of the verdicts in two lines."""
    for verdicts in LEGEND_LINES:
        x = style.MARGIN_IN + 0.05
        for verdict in verdicts:
            draw_verdict(drawing, x, y - MARK_SIDE / 2, MARK_SIDE, MARK_SIDE, verdict)
            label = f"{verdict} in this run" if verdict == NOT_TESTABLE else verdict
            drawing.add_text(x + MARK_SIDE + 0.05, y, label)
            x += MARK_SIDE + 0.05 + text_width(label) + 0.16
        y += LEGEND_LINE_HEIGHT
