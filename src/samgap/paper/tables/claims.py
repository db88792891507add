"""The claims of the paper and of the published README, each in our words with its verdict, by section. Two summaries
come first: the verdicts by kind of claim, and by reason, which is a branch of the paper's Figures 4 and 6.

Confirmed and refuted: decided by the installed packages, or by the confidence interval of an estimate of this run. A
claim is also refuted if a publication says the contrary; the evidence names it. As the source says: a publication says
the same, which was not measured. Partly: parts of the claim hold and others do not. Open: the interval is on both sides
of the bound. Not testable: the evidence has the reason. The evidence says what was claimed, and links to the tables and
the publications that decided. The CSV file has the numbers in full precision, the bounds and the tables that decided.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from samgap.claims.region import format_number
from samgap.config.components import is_demo_model
from samgap.paper.csv import iterate_rows
from samgap.paper.grid import Block, Cell
from samgap.paper.notes import Footnotes
from samgap.paper.tables import TableOutput, TableRequest
from samgap.tables.claims import CLAIMS, KINDS, REASONS, VERDICTS, get_verdict_kind

INPUTS = ("claims",)
COLUMNS = ["claim", "kind", "reason", "verdict", "value", "unit", "evidence"]
TEXT_COLUMNS = {0: 0.18, 1: 0.085, 2: 0.105, 3: 0.075, 4: 0.09, 5: 0.09, 6: 0.28}
"""Column with running text -> its width in LaTeX, as a share of the line."""
SECTION_ORDER = ("Abstract", "§", "Figure", "Table", "README", "docs")
ABSENT = "–"
DEMO_MARK = "decided by a demo model, so it says nothing about the published checkpoint"
TEXT_LISTS = ("checks", "evidence", "sources", "addresses")
SEPARATOR = " | "
"""Between the texts of a list in the CSV file; the texts have commas and semicolons."""


def build_table(request: TableRequest) -> TableOutput:
    """Return the claims of a run by section, after counts of verdicts."""
    claims = CLAIMS.read(request.inputs["claims"])
    footnotes = Footnotes()
    blocks = [_count_verdicts(claims, column, values) for column, values in (("kind", KINDS), ("reason", REASONS))]
    for section in sorted(dict.fromkeys(claims["section"]), key=_get_section_key):
        members = claims[claims["section"] == section]
        rows = [_format_row(row, footnotes) for row in iterate_rows(members)]
        blocks.append(Block(section, COLUMNS, len(COLUMNS), rows, TEXT_COLUMNS))
    kinds = claims["verdict"].map(get_verdict_kind)
    counts = ", ".join(f"{(kinds == verdict).sum()} {verdict}" for verdict in VERDICTS)
    remarks = [
        f"{len(claims)} claims: {counts}.",
        f"Value: of the first check with the verdict of the claim [{request.level} confidence interval].",
    ]
    remarks += [f"Tables of the evidence: {', '.join(_list_distinct(claims['source'].str.split(';')))}."]
    remarks += [f"Source: {address}" for address in _list_distinct(claims["addresses"])]
    demo_models = [model for model in request.models if claims["demo"].any() and is_demo_model(request.models, model)]
    return TableOutput(_flatten(claims, request), blocks, footnotes.entries(), remarks, demo_models)


def _count_verdicts(claims: pd.DataFrame, column: str, values: Iterable[str]) -> Block:
    """Return the numbers of claims by verdict, one row for each of the `values` of `column` and one for all."""
    kinds = claims["verdict"].map(get_verdict_kind)
    rows = []
    for value in [*values, "all"]:
        members = kinds if value == "all" else kinds[claims[column] == value]
        counts = [int((members == verdict).sum()) for verdict in VERDICTS]
        rows.append([Cell(str(text)) for text in (value, *counts, len(members))])
    return Block(f"Verdicts by {column}", [column, *VERDICTS, "claims"], 1, rows)


def _format_row(row: Any, footnotes: Footnotes) -> list[Cell]:
    kind = get_verdict_kind(row.verdict)
    mark = footnotes.add(DEMO_MARK) if row.demo else ""
    evidence = " · ".join(row.evidence)
    if len(row.sources):
        evidence += f" (see also {'; '.join(row.sources)})"
    unit = Cell(ABSENT if pd.isna(row.value) else row.unit)
    texts = [Cell(row.wording), Cell(row.kind), Cell(row.reason), Cell(kind, footnote=mark)]
    return [*texts, _format_value(row), unit, Cell(evidence, links=_list_links(row))]


def _list_links(row: Any) -> list[tuple[str, str]]:
    """Return text and address of the tables that decided, relative to the folder of this table, and of publications."""
    folder = Path("results") / row.run / "paper" / "tables"
    links = [(Path(path).name, os.path.relpath(path, folder)) for path in row.source.split(";") if path]
    publications = [re.fullmatch(r"(.+?): (https?://\S+)( \(.*\))?", text) for text in row.addresses]
    return links + [(found.group(1), found.group(2)) for found in publications if found]


def _format_value(row: Any) -> Cell:
    if pd.isna(row.value):
        return Cell(ABSENT)
    interval = "" if pd.isna(row.ci_low) else f"{format_number(row.ci_low)}, {format_number(row.ci_high)}"
    return Cell(format_number(row.value), interval)


def _flatten(claims: pd.DataFrame, request: TableRequest) -> pd.DataFrame:
    """Return the table with texts instead of lists; `source` has the tables that each row comes from."""
    flat = claims.assign(**{column: claims[column].map(SEPARATOR.join) for column in TEXT_LISTS})
    paths = [";".join(filter(None, [str(request.inputs["claims"]), source])) for source in claims["source"]]
    return flat.assign(source=paths)


def _list_distinct(lists: Iterable[Iterable[str]]) -> list[str]:
    """Return every text of some lists once, sorted, without empty ones."""
    return sorted({text for texts in lists for text in texts if text})


def _get_section_key(section: str) -> tuple[int, str]:
    return next(number for number, prefix in enumerate(SECTION_ORDER) if section.startswith(prefix)), section
