"""The score threshold of each model for noun phrases, chosen on validation images as the one with the highest F1 at
IoU 0.5, and precision, recall and F1 there, beside those at the model's official threshold. Metrics "chosen score" of
all other images use it. On a data set whose labels are not exhaustive, predictions far from every label do not count.

The CSV file has these values for all 19 thresholds.
"""

from typing import Any

import numpy as np
import pandas as pd

from samgap.matching.score_thresholds import read_chosen_score
from samgap.paper import labels
from samgap.paper.grid import Block, Cell
from samgap.paper.notes import Footnotes, note_kind
from samgap.paper.tables import TableOutput, TableRequest
from samgap.tables.score_thresholds import THRESHOLDS

INPUTS = ("score_thresholds",)
STUB = ["data set", "model", "prompts", "images", "instances", "score from"]
COLUMNS = ["threshold", "Precision@50 ↑", "Recall@50 ↑", "F1@50 ↑"]
ABSENT = "–"


def build_table(request: TableRequest) -> TableOutput:
    """Return the official and the chosen threshold of each model that section `thresholds` names."""
    tables = [THRESHOLDS.read(path).assign(source=str(path)) for path in request.inputs["score_thresholds"]]
    if not tables:
        return TableOutput(THRESHOLDS.empty_frame(), [], remarks=["The configuration chooses no score threshold."])
    thresholds, footnotes = pd.concat(tables, ignore_index=True), Footnotes()
    rows = []
    for table in tables:
        rows += _format_model(table, request, footnotes)
    blocks = [Block("Score thresholds", [*STUB, *COLUMNS], len(STUB), rows)]
    remarks = [
        "The thresholds are 0.05, 0.10 … 0.95; of those with equal F1, the nearest to the official one is chosen.",
        "The values are of the images of the choice, so those at the chosen threshold are too high for other images.",
    ]
    if (thresholds["criterion"] == "f1-50-near-labels").any():
        remarks.append("Without exhaustive labels, precision and F1 leave out predictions far from every label.")
    return TableOutput(thresholds, blocks, footnotes.entries(), remarks, list(thresholds["model"].unique()))


def _format_model(table: pd.DataFrame, request: TableRequest, footnotes: Footnotes) -> list[list[Cell]]:
    first: Any = next(table.itertuples(index=False))
    label = labels.model_label(request.models, first.model)
    stub = [first.dataset, label, first.prompts, str(first.n_images), str(first.n_truth)]
    # The official threshold may be between two of the sweep.
    official = table[(table["score"] - first.official_score).abs() < 1e-9]
    rows = [_format_row([*stub, "official"], f"{first.official_score:g}", official)]
    if first.note:
        missing = [Cell(note_kind(first.note), footnote=footnotes.add(first.note)), *[Cell(ABSENT)] * 3]
        return [*rows, [*map(Cell, [*stub, "chosen"]), *missing]]
    chosen = table[table["is_chosen"]]
    return [*rows, _format_row([*stub, "chosen"], f"{read_chosen_score(table):g}", chosen)]


def _format_row(stub: list[str], threshold: str, rows: pd.DataFrame) -> list[Cell]:
    values = rows[["precision", "recall", "f1"]].to_numpy(np.float64).ravel() if len(rows) else np.full(3, np.nan)
    texts = [ABSENT if np.isnan(value) else f"{value:.3f}" for value in values]
    return [*map(Cell, stub), Cell(threshold), *map(Cell, texts)]
