"""Tables 1 to 4 of the paper by row: its cells in short, the verdicts on them, and what this run measures."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from samgap.config.components import is_demo_model
from samgap.paper import labels
from samgap.paper.csv import iterate_rows
from samgap.paper.grid import Block, Cell
from samgap.paper.measured_values import MeasuredValue, ValueReader
from samgap.paper.notes import Footnotes
from samgap.paper.requests import TableOutput, TableRequest
from samgap.tables.claims import (
    AS_THE_SOURCE_SAYS,
    CLAIMS,
    CONFIRMED,
    NOT_TESTABLE,
    OPEN,
    PARTLY,
    REFUTED,
    get_verdict_kind,
)

SIDES = {"sam2": "SAM2", "sam3": "SAM3"}
MARKS = {CONFIRMED: "✓", AS_THE_SOURCE_SAYS: "S", PARTLY: "½", REFUTED: "✗", OPEN: "?", NOT_TESTABLE: "∅"}
"""Verdict -> its mark in print."""
UNDECIDED = "–"
DEMO_MARK = "*"
DEMO_NOTE = f"{DEMO_MARK} decided by a demo model, so it says nothing about the published checkpoint."
COLUMNS = ["row", "the paper on SAM2", "verdict", "the paper on SAM3", "verdict", "measured here", *SIDES.values()]
WIDTHS = {0: 0.085, 1: 0.12, 2: 0.05, 3: 0.155, 4: 0.05, 5: 0.15, 6: 0.125, 7: 0.125}
CLAIM_COLUMNS = ["number", "claim", "verdict", "evidence"]
CLAIM_WIDTHS = {1: 0.29, 2: 0.1, 3: 0.48}
CSV_COLUMNS = [
    *("table", "row", "place", "title", "side", "part", "text", "claim", "verdict", "demo", "quantity"),
    *("metric", "dataset", "model", "prompts", "stratum", "value", "ci_low", "ci_high", "unit"),
    *("n_images", "n_instances", "note", "source"),
]
"""`part` is `paper`, `claim` or `measured`."""


def build_table(request: TableRequest) -> TableOutput:
    """Return a table of the paper: a block of the entry's rows, and one of the claims that decided.

    The option `rows` has the rows, as in config/paper/tables.yaml, with the ids of the run. Files that are read are
    `claims`, `inventory`, `probes`, `estimates` and `comparisons`.
    """
    rows, inputs, models = request.entry["rows"], request.inputs, request.models
    footnotes = Footnotes()
    claims = {claim.id: claim for claim in iterate_rows(CLAIMS.read(inputs["claims"]))}
    used = list(dict.fromkeys(id for row in rows for side in SIDES for id in row[side].get("claims", [])))
    numbers = {id: number for number, id in enumerate(used, 1)}
    verdicts = {id: claims[id] for id in used}
    reader = ValueReader(inputs, models, footnotes)
    # Row by row, so that footnotes are in the order in which a reader meets them.
    stubs, values = [], []
    for row in rows:
        stubs.append(_format_stub(row, numbers, verdicts, footnotes))
        values.append([{side: reader.read(quantity, quantity[side]) for side in SIDES} for quantity in row["measured"]])
    mains = {side: _get_main_model(values, side) for side in SIDES}
    printed: list[list[Cell]] = []
    starts = []
    for row, stub, measured in zip(rows, stubs, values, strict=True):
        starts.append(len(printed))
        printed += _format_row(row, stub, measured, mains, models)
    blocks = [Block("Rows of the paper's table", COLUMNS, len(COLUMNS), printed, WIDTHS, starts)]
    if used:
        lines = [_format_claim(numbers[id], verdicts[id]) for id in used]
        blocks.append(Block("Claims that decide the rows", CLAIM_COLUMNS, len(CLAIM_COLUMNS), lines, CLAIM_WIDTHS))
    output = _flatten(request.table_id, str(inputs["claims"]), rows, values, verdicts)
    shown = {value.model for measured in values for pair in measured for value in pair.values() if value.model}
    if any(claim.demo for claim in verdicts.values()):
        shown |= {model for model in models if is_demo_model(models, model)}
    metrics = {quantity["metric"] for row in rows for quantity in row["measured"] if "metric" in quantity}
    marks = ", ".join(f"{mark} {verdict}" for verdict, mark in MARKS.items())
    remarks = [
        f"Verdicts: {marks}. The number after a mark is that of the claim; {UNDECIDED} if no claim decides the cell.",
        f"Measured here: value [lower, upper end of the {request.level} confidence interval], by "
        f"{_describe_models(mains, models)} unless another is named; or what the installed packages have.",
        *([DEMO_NOTE] if any(claim.demo for claim in verdicts.values()) else []),
        *labels.explain_direction(sorted(metrics)),
        *labels.explain_mark(blocks),
    ]
    return TableOutput(output, blocks, footnotes.entries(), remarks, sorted(shown))


def _get_main_model(values: Iterable[Sequence[Mapping[str, MeasuredValue]]], side: str) -> str | None:
    """Return the model that most estimates of a side are of."""
    models = pd.Series([pair[side].model for measured in values for pair in measured if pair[side].model], dtype=object)
    return None if models.empty else str(models.value_counts().index[0])


def _describe_models(mains: Mapping[str, str | None], models: Mapping[str, Mapping[str, Any]]) -> str:
    names = [labels.model_label(models, model) for model in mains.values() if model]
    return " and ".join(names) or "no model of this run"


def _format_stub(
    row: Mapping[str, Any], numbers: Mapping[str, int], verdicts: Mapping[str, Any], footnotes: Footnotes
) -> list[Cell]:
    """Return the cells of the paper with the verdicts on them; of a row without a value, also why it has none."""
    stub = [Cell(row["title"])]
    for side in SIDES:
        stub.append(Cell(row[side]["paper"]))
        if "undecided" in row[side]:
            stub.append(Cell(UNDECIDED, footnote=footnotes.add(row[side]["undecided"])))
        else:
            # A no-break space keeps a mark and its number on one line.
            claims = [(verdicts[id], numbers[id]) for id in row[side]["claims"]]
            marks = [f"{_get_mark(claim)}\u00a0{number}{_get_demo_mark(claim)}" for claim, number in claims]
            stub.append(Cell(" ".join(marks)))
    if "unmeasured" in row:
        stub += [Cell("nothing", footnote=footnotes.add(row["unmeasured"])), Cell(UNDECIDED), Cell(UNDECIDED)]
    return stub


def _format_row(
    row: Mapping[str, Any],
    stub: Sequence[Cell],
    measured: Sequence[Mapping[str, MeasuredValue]],
    mains: Mapping[str, str | None],
    models: Mapping[str, Mapping[str, Any]],
) -> list[list[Cell]]:
    """Return the printed lines of a row of the paper: one for each quantity; the first has the paper's cells."""
    if not measured:
        return [list(stub)]
    lines = []
    for quantity, pair in zip(row["measured"], measured, strict=True):
        cells = [_name_other_model(pair[side], mains[side], models) for side in SIDES]
        lines.append([*stub, Cell(name_quantity(quantity)), *cells])
        stub = [Cell("")] * len(stub)
    return lines


def _get_mark(claim: Any) -> str:
    return MARKS[get_verdict_kind(claim.verdict)]


def _get_demo_mark(claim: Any) -> str:
    return DEMO_MARK if claim.demo else ""


def _name_other_model(value: MeasuredValue, main: str | None, models: Mapping[str, Mapping[str, Any]]) -> Cell:
    """Return the cell of a value, with the name of its model if it is not the main one of the column."""
    if value.model in (None, main):
        return value.cell
    label = labels.model_label(models, str(value.model))
    return Cell(f"{label}: {value.cell.text}", value.cell.interval, value.cell.footnote)


def name_quantity(quantity: Mapping[str, Any]) -> str:
    """Return the name of a quantity: that in its entry, or the metric with the prompts and strata of both models."""
    if "quantity" in quantity:
        return str(quantity["quantity"])
    sides = [quantity[side] for side in SIDES if "prompts" in quantity[side]]
    prompts = [" − ".join(filter(None, [side["prompts"], side.get("against")])) for side in sides]
    strata = [side["stratum"] for side in sides if "stratum" in side]
    parts = [" / ".join(dict.fromkeys(texts)) for texts in (prompts, strata) if texts]
    kind = "difference of " if any("against" in side for side in sides) else ""
    return ", ".join([kind + labels.metric_heading(quantity["metric"]), *parts])


def _format_claim(number: int, claim: Any) -> list[Cell]:
    verdict = f"{_get_mark(claim)} {get_verdict_kind(claim.verdict)}{_get_demo_mark(claim)}"
    folder = Path("results") / claim.run / "paper" / "tables"
    links = [(Path(path).name, os.path.relpath(path, folder)) for path in claim.source.split(";") if path]
    evidence = Cell(" · ".join(claim.evidence) or claim.verdict, links=links)
    return [Cell(str(number)), Cell(claim.wording), Cell(verdict), evidence]


def _flatten(
    table_id: str,
    claims_path: str,
    rows: Sequence[Mapping[str, Any]],
    values: Sequence[Sequence[Mapping[str, MeasuredValue]]],
    verdicts: Mapping[str, Any],
) -> pd.DataFrame:
    """Return the CSV rows: of each cell of the paper its text and its claims, and each measured value."""
    flat: list[dict[str, Any]] = []
    for row, measured in zip(rows, values, strict=True):
        for side in SIDES:
            keys = {"table": table_id, "row": row["id"], "place": row["place"], "title": row["title"]}
            keys["side"] = side
            note = row[side].get("undecided")
            flat.append({**keys, "part": "paper", "text": row[side]["paper"], "note": note})
            for id in row[side].get("claims", []):
                claim = verdicts[id]
                source = ";".join(filter(None, [claims_path, claim.source]))
                found = {"verdict": claim.verdict, "demo": claim.demo, "value": claim.value, "unit": claim.unit}
                found |= {"ci_low": claim.ci_low, "ci_high": claim.ci_high, "text": claim.wording, "source": source}
                flat.append({**keys, "part": "claim", "claim": id, **found})
            for quantity, pair in zip(row["measured"], measured, strict=True):
                flat.append({**keys, "part": "measured", "quantity": name_quantity(quantity), **pair[side].columns})
            if not measured:
                flat.append({**keys, "part": "measured", "note": row["unmeasured"]})
    return pd.DataFrame(flat, columns=CSV_COLUMNS)
