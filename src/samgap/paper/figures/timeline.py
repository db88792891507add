"""What the models of the family do, by date. A filled cell: the published package does it. A half-filled cell: another
model or other code adds it. An empty cell: nothing does.

A tick marks what this run exercises: a model of this column has an estimate with such a prompt; in a half-filled cell,
together with the other model. Letters are the sources, which the CSV file lists with the experiments that a tick rests
on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from string import ascii_lowercase
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from samgap.errors import UserError
from samgap.paper import style
from samgap.paper.diagram import Diagram
from samgap.paper.facts import read_facts, require_id
from samgap.paper.figures import FigureOutput, FigureRequest
from samgap.paper.layout import text_width
from samgap.tables.statistics import ESTIMATES

OPTIONS = {
    "required": ["facts"],
    "properties": {
        "facts": {
            "description": "YAML file with the models and what they do.",
            "$ref": "#/$defs/text",
        }
    },
}
COLUMNS = ["capability", "model", "state", "letter", "source", "tested", "experiments", "tested_models", "prompts"]

# Sizes in inches.
LABEL_WIDTH, COLUMN_WIDTH, ROW_HEIGHT, CELL_SIDE = 1.4, 0.5, 0.168, 0.115
AXIS_TOP, AXIS_Y, HEADER_HEIGHT, LEGEND_HEIGHT = 0.07, 0.2, 0.76, 0.2
MODEL_COLOURS = {"sam": "other", "sam2": "sam2", "sam21": "sam2", "sam3": "sam3"}
DAYS_IN_YEAR = 365.25


@dataclass(frozen=True)
class Test:
    """What a run has for a cell: its experiments, models and prompt sets; empty if it is not tested."""

    experiments: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw the models and capabilities of the entry's facts, with ticks for what the estimates contain."""
    facts = read_facts(request.figure_id, request.entry["facts"], "timeline")
    models = [model["id"] for model in facts["models"]]
    estimates = ESTIMATES.read(request.inputs["estimates"])
    estimates = estimates[estimates["value"].notna()]
    families = {model: entry.get("family", "") for model, entry in request.models.items()}
    tests: dict[tuple[str, str], Test] = {}
    for capability in facts["capabilities"]:
        if set(capability["cells"]) != set(models):
            raise UserError(f"{request.entry['facts']}: the cells of {capability['id']} are not those of {models}")
        for test in capability["tested"]:
            require_id(test["model"], models, f"{request.entry['facts']}: `tested` of {capability['id']}")
            tests[capability["id"], test["model"]] = find_test(test, estimates, families)
    rows = build_rows(facts, tests)
    figure = draw_matrix(facts, rows.set_index(["capability", "model"]))
    return FigureOutput(figure, rows, sorted({model for test in tests.values() for model in test.models}))


def find_test(test: Mapping[str, Any], estimates: pd.DataFrame, families: Mapping[str, str]) -> Test:
    """Return what has values in table `estimates` for an entry of `tested`.

    Args:
        test: The entry.
        estimates: Rows of the table with a value.
        families: Model of the run -> its family.
    """
    rows = estimates[
        (estimates["model"].map(families) == test["family"]) & estimates["prompts"].isin(test["prompts"])
    ]  # fmt: skip
    if "metrics" in test:
        rows = rows[rows["metric"].isin(test["metrics"])]
    return Test(*(tuple(sorted(set(rows[column]))) for column in ("experiment", "model", "prompts")))


def build_rows(facts: Mapping[str, Any], tests: Mapping[tuple[str, str], Test]) -> pd.DataFrame:
    """Return the CSV rows: the date of each model, and each cell with its source and its test."""
    letters: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    for model in facts["models"]:
        rows.append({"capability": "released", "model": model["id"], "state": str(model["released"]),
                     "letter": _get_letter(letters, model["source"]), "source": model["source"]})  # fmt: skip
    for capability in facts["capabilities"]:
        for model in (entry["id"] for entry in facts["models"]):
            cell = capability["cells"][model]
            test = tests.get((capability["id"], model), Test())
            rows.append(
                {
                    "capability": capability["id"],
                    "model": model,
                    "state": cell["state"],
                    "letter": _get_letter(letters, cell["source"]),
                    "source": cell["source"],
                    "tested": bool(test.experiments),
                    "experiments": ";".join(test.experiments),
                    "tested_models": ";".join(test.models),
                    "prompts": ";".join(test.prompts),
                }
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def draw_matrix(facts: Mapping[str, Any], rows: pd.DataFrame) -> Figure:
    """Draw the dates on an axis, a column for each model below, and a row for each capability."""
    models, capabilities = facts["models"], facts["capabilities"]
    bottom = HEADER_HEIGHT + len(capabilities) * ROW_HEIGHT
    drawing = Diagram(style.COLUMN_WIDTH_IN, bottom + 2 * LEGEND_HEIGHT + style.STAMP_MARGIN_IN)
    centres = [LABEL_WIDTH + (number + 0.5) * COLUMN_WIDTH for number in range(len(models))]
    draw_dates(drawing, models, centres, rows)
    for number, capability in enumerate(capabilities):
        y = HEADER_HEIGHT + (number + 0.5) * ROW_HEIGHT
        if number % 2 == 0:
            width = style.COLUMN_WIDTH_IN - 2 * style.MARGIN_IN
            drawing.add_rectangle(style.MARGIN_IN, y - ROW_HEIGHT / 2, width, ROW_HEIGHT, "0.95", zorder=0)
        drawing.add_text(style.MARGIN_IN + 0.03, y, capability["label"])
        for model, x in zip(models, centres, strict=True):
            cell = rows.loc[(capability["id"], model["id"])]
            draw_cell(drawing, x - CELL_SIDE / 2, y - CELL_SIDE / 2, cell["state"], model["id"], bool(cell["tested"]))
            drawing.add_text(x + CELL_SIDE / 2 + 0.04, y, cell["letter"], color="0.45")
    draw_legend(drawing, bottom + LEGEND_HEIGHT / 2)
    return drawing.figure


def draw_dates(
    drawing: Diagram, models: Sequence[Mapping[str, Any]], centres: Sequence[float], rows: pd.DataFrame
) -> None:
    """Draw an axis of years with a dot for each model, a line from there to its column, and its name and date."""
    days = [date.fromisoformat(str(model["released"])).toordinal() for model in models]
    first, last = date.fromordinal(days[0]).year, date.fromordinal(days[-1]).year + 1
    start, end = date(first, 1, 1).toordinal(), date(last, 1, 1).toordinal()
    left, right = style.MARGIN_IN + 0.1, style.COLUMN_WIDTH_IN - 0.16

    def place(day: int) -> float:
        return left + (right - left) * (day - start) / (end - start)

    drawing.axes.plot([left, right], [AXIS_Y, AXIS_Y], color="0.3", lw=0.7)
    for year in range(first, last + 1):
        x = place(date(year, 1, 1).toordinal())
        drawing.axes.plot([x, x], [AXIS_Y - 0.03, AXIS_Y], color="0.3", lw=0.7)
        drawing.add_text(x, AXIS_TOP + 0.03, str(year), ha="center")
    for day, x, model in zip(days, centres, models, strict=True):
        colour = style.ORIGIN_COLOURS[MODEL_COLOURS.get(model["id"], "other")]
        drawing.axes.plot([place(day)] * 2 + [x], [AXIS_Y, AXIS_Y + 0.07, HEADER_HEIGHT - 0.31], color=colour, lw=0.6)
        drawing.axes.plot(place(day), AXIS_Y, "o", color=colour, ms=3.2, mew=0)
        drawing.add_text(x, HEADER_HEIGHT - 0.23, model["label"], ha="center", fontweight="bold", color=colour)
        letter = rows.loc[("released", model["id"]), "letter"]
        text = f"{date.fromordinal(day):%m/%Y} {letter}"
        drawing.add_text(x, HEADER_HEIGHT - 0.09, text, ha="center", color="0.35")


def draw_cell(drawing: Diagram, x: float, y: float, state: str, model: str, is_tested: bool) -> None:
    """Draw a square that is filled, half-filled or empty, with a tick if it is tested."""
    colour = style.ORIGIN_COLOURS[MODEL_COLOURS.get(model, "other")]
    drawing.add_rectangle(x, y, CELL_SIDE, CELL_SIDE, colour if state == "native" else "white", ec=colour, lw=0.6)
    if state == "external":
        corners = [(x, y), (x + CELL_SIDE, y), (x, y + CELL_SIDE)]
        drawing.axes.add_patch(Polygon(corners, fc=colour, ec="none"))
    if is_tested:
        drawing.axes.plot(
            [x - 0.09, x - 0.065, x - 0.025], [y + 0.06, y + 0.09, y + 0.03], color="black", lw=0.9, gid="tested"
        )


def draw_legend(drawing: Diagram, y: float) -> None:
    """Draw what the cells and the tick mean, in two lines."""
    labels = {"native": "in the package", "external": "by another model or code", "absent": "by none"}
    x = style.MARGIN_IN
    for state, label in labels.items():
        draw_cell(drawing, x, y - CELL_SIDE / 2, state, "sam", is_tested=False)
        drawing.add_text(x + CELL_SIDE + 0.05, y, label)
        x += CELL_SIDE + 0.05 + text_width(label) + 0.2
    x, y = style.MARGIN_IN + 0.09, y + 0.15
    draw_cell(drawing, x, y - CELL_SIDE / 2, "absent", "sam", is_tested=True)
    drawing.add_text(x + CELL_SIDE + 0.05, y, "tested in this run; letters are sources, listed in the CSV file")


def _get_letter(letters: dict[str, str], source: str) -> str:
    """Return the letter of a source, a new one for a new publication or file; `letters` keeps them."""
    key = source.partition(":")[0] if source.startswith("sam") else source.partition(" ")[0]
    if key not in letters:
        number = len(letters)
        letters[key] = ascii_lowercase[number % 26] * (1 + number // 26)
    return letters[key]
