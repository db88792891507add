"""Figures that count the verdicts on the claims of the paper: a row for each of its branches or reasons."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from samgap.errors import UserError
from samgap.paper import style
from samgap.paper.csv import iterate_rows
from samgap.paper.diagram import Diagram, text_height
from samgap.paper.facts import read_facts
from samgap.paper.layout import text_width, wrap_text
from samgap.paper.requests import FigureOutput, FigureRequest
from samgap.tables.claims import CLAIMS, VERDICTS, get_verdict_kind

COLUMNS = ["row", "claim", "section", "kind", "verdict", "wording", "demo", "shown", "source"]

# Sizes in inches.
HEADER_HEIGHT, LEGEND_HEIGHT, BAR_HEIGHT, ROW_GAP = 0.24, 0.22, 0.17, 0.1
STATEMENT_WIDTH, BAR_LEFT, BAR_WIDTH, EVIDENCE_LEFT = 2.25, 2.5, 2.55, 5.18
EVIDENCE_WIDTH = style.FIGURE_WIDTH_IN - style.MARGIN_IN - EVIDENCE_LEFT - 0.12
NO_EVIDENCE = "no claim of it is decided as expected"


def draw_audit(request: FigureRequest, part: str) -> FigureOutput:
    """Draw a row for each fact of one part of the file that the option `facts` names, `branches` or `reasons`."""
    file = request.entry["facts"]
    facts = read_facts(request.figure_id, file, "reasons")[part]
    claims = CLAIMS.read(request.inputs["claims"])
    evidence_by_title = {row["title"]: select_evidence(row, claims, file) for row in facts}
    rows = build_rows(facts, claims, evidence_by_title, request.inputs["claims"])
    return FigureOutput(draw_rows(facts, rows, evidence_by_title), rows, list_demo_models(request.models, rows))


def list_demo_models(models: Mapping[str, Mapping[str, Any]], rows: pd.DataFrame) -> list[str]:
    """Return the ids of the run's demo models if one of them decided a claim of `rows` (column `demo`)."""
    is_decided_by_demo = bool((rows["demo"] == True).any())  # noqa: E712
    return [model for model, entry in models.items() if is_decided_by_demo and entry.get("demo", False)]


def select_evidence(row: Mapping[str, Any], claims: pd.DataFrame, file: str) -> Mapping[str, str] | None:
    """Return the first evidence of a row whose claim has the verdict that its text states; None if there is none.

    Raises:
        UserError: A claim is not in the table.
    """
    verdicts = dict(zip(claims["id"], claims["verdict"].map(get_verdict_kind), strict=True))
    for evidence in row["evidence"]:
        if evidence["claim"] not in verdicts:
            raise UserError(f"{file}: the evidence of {row['title']} names the claim '{evidence['claim']}', which the "
                            "run does not have; correct the id")  # fmt: skip
        if verdicts[evidence["claim"]] == evidence["verdict"]:
            chosen: Mapping[str, str] = evidence
            return chosen
    return None


def build_rows(
    facts: Sequence[Mapping[str, Any]], claims: pd.DataFrame, evidence_by_title: Mapping[str, Any], source: str
) -> pd.DataFrame:
    """Return the CSV rows, one for each claim counted; `shown` is the text of the evidence at the claim that has it."""
    rows = [
        {
            "row": fact["title"],
            "claim": claim.id,
            "section": claim.section,
            "kind": claim.kind,
            "verdict": claim.verdict,
            "wording": claim.wording,
            "demo": claim.demo,
            "shown": evidence["text"] if evidence and evidence["claim"] == claim.id else None,
            "source": source,
        }
        for fact in facts
        for evidence in [evidence_by_title[fact["title"]]]
        for claim in iterate_rows(claims[claims["reason"].isin(fact["reasons"])])
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def draw_rows(facts: Sequence[Mapping[str, Any]], rows: pd.DataFrame, evidence_by_title: Mapping[str, Any]) -> Figure:
    """Draw a row for each fact: its statement, the bar of its claims by verdict, and its evidence."""
    counts = {
        fact["title"]: rows.loc[rows["row"] == fact["title"], "verdict"].map(get_verdict_kind).value_counts()
        for fact in facts
    }
    widest = max((int(count.sum()) for count in counts.values()), default=0) or 1
    lines = [1 + len(wrap_text(fact["statement"], STATEMENT_WIDTH, 9)) for fact in facts]
    heights = [text_height(n_lines) + ROW_GAP for n_lines in lines]
    height = HEADER_HEIGHT + sum(heights) + LEGEND_HEIGHT + style.STAMP_MARGIN_IN
    drawing = Diagram(style.FIGURE_WIDTH_IN, height)
    for x, text in (
        (style.MARGIN_IN, "What the paper says, in our words"),
        (BAR_LEFT, "Its claims by verdict"),
        (EVIDENCE_LEFT, "Evidence"),
    ):
        drawing.add_text(x, HEADER_HEIGHT / 2, text, fontweight="bold")
    top = HEADER_HEIGHT
    for fact, row_height in zip(facts, heights, strict=True):
        drawing.axes.plot(
            [style.MARGIN_IN, style.FIGURE_WIDTH_IN - style.MARGIN_IN], [top, top], color="0.8", lw=0.5
        )  # fmt: skip
        drawing.add_text(style.MARGIN_IN, top + 0.03, fact["title"], va="top", fontweight="bold")
        drawing.add_wrapped(style.MARGIN_IN, top + 0.03 + text_height(1), fact["statement"], STATEMENT_WIDTH)
        middle = top + row_height / 2
        _draw_bar(drawing, counts[fact["title"]], middle, widest)
        _draw_evidence(drawing, evidence_by_title[fact["title"]], middle)
        top += row_height
    _draw_legend(drawing, top + LEGEND_HEIGHT / 2, _list_unprinted(counts.values(), widest))
    return drawing.figure


def _draw_bar(drawing: Diagram, counts: pd.Series, middle: float, widest: int) -> None:
    """Draw the claims of a row as a stacked bar with the number of each verdict, and their sum at its end."""
    x, y = BAR_LEFT, middle - BAR_HEIGHT / 2
    scale = (BAR_WIDTH - 0.25) / widest
    for verdict in VERDICTS:
        count = int(counts.get(verdict, 0))
        if not count:
            continue
        draw_verdict(drawing, x, y, count * scale, BAR_HEIGHT, verdict)
        if _has_room(count, widest):
            box = {"fc": "white", "ec": "none", "pad": 0.6, "alpha": 1.0}
            drawing.add_text(x + count * scale / 2, middle, str(count), ha="center", zorder=3, bbox=box)
        x += count * scale
    drawing.add_text(x + 0.05, middle, f"{int(counts.sum())}", color="0.3")


def _has_room(count: int, widest: int) -> bool:
    """Return whether the part of a bar with this number of claims has room for it, without hiding its colour."""
    return text_width(str(count)) + 0.03 < count * (BAR_WIDTH - 0.25) / widest


def _list_unprinted(counts: Iterable[pd.Series], widest: int) -> list[int]:
    """Return the numbers of claims for which parts of the bars have no room, sorted."""
    numbers = {int(number) for count in counts for number in count}
    return sorted(number for number in numbers if number and not _has_room(number, widest))


def draw_verdict(drawing: Diagram, x: float, y: float, width: float, height: float, verdict: str) -> None:
    """Fill a rectangle with the colour and the hatching of a verdict."""
    colour, hatch = style.VERDICT_COLOURS[verdict], style.VERDICT_HATCHES[verdict]
    drawing.add_rectangle(x, y, width, height, colour, ec="white", hatch=hatch, lw=0.0, zorder=2)
    drawing.add_rectangle(x, y, width, height, "none", ec="0.3", lw=0.4, zorder=2.5)


def _draw_evidence(drawing: Diagram, evidence: Mapping[str, str] | None, middle: float) -> None:
    text = evidence["text"] if evidence else NO_EVIDENCE
    lines = wrap_text(text, EVIDENCE_WIDTH, 4)
    if evidence:
        draw_verdict(drawing, EVIDENCE_LEFT, middle - 0.04, 0.08, 0.08, evidence["verdict"])
    drawing.add_text(EVIDENCE_LEFT + 0.12, middle, "\n".join(lines), color="black" if evidence else "0.4")


def _draw_legend(drawing: Diagram, y: float, unprinted: Sequence[int]) -> None:
    """Draw the verdicts, and which numbers of claims are not printed."""
    x = style.MARGIN_IN
    for verdict in VERDICTS:
        draw_verdict(drawing, x, y - 0.05, 0.16, 0.1, verdict)
        drawing.add_text(x + 0.2, y, verdict)
        x += 0.2 + text_width(verdict) + 0.2
    if unprinted:
        numbers = " or ".join(map(str, unprinted))
        plural = "" if unprinted == [1] else "s"
        drawing.add_text(x, y, f"without a number: {numbers} claim{plural}", color="0.3")
