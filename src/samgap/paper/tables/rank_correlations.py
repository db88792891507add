"""Rank correlations of prompt sets between two models: whether what prompts one model best prompts the other best.
Spearman's coefficient over the prompt sets that both models have, with a confidence interval over images.

There is an interval only if resamples of the images reproduce the order of the prompt sets in both models, which the
stability measures: the mean rank correlation of resamples with the sample. A footnote gives the reason otherwise. The
CSV file holds the rows in full precision.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from samgap.paper import labels
from samgap.paper.csv import iterate_rows
from samgap.paper.grid import Block, Cell
from samgap.paper.notes import Footnotes, note_kind
from samgap.paper.tables import TableOutput, TableRequest
from samgap.tables import parquet
from samgap.tables.statistics import RANK_CORRELATIONS

INPUTS = ("rank_correlations",)

STUB = ["data set", "models", "metric", "prompt sets", "clusters"]
COLUMNS = ["rank correlation", "stability"]
ABSENT = "–"
DECIMALS = 2


def build_table(request: TableRequest) -> TableOutput:
    """Return the rank correlations of the configuration, one block for each entry."""
    path = request.inputs["rank_correlations"]
    correlations = RANK_CORRELATIONS.read(path)
    footnotes, blocks = Footnotes(), []
    for name, entry in request.rank_correlations.items():
        rows = [
            _format_row(row, request.models, footnotes)
            for row in iterate_rows(correlations[correlations["correlation"] == name])
        ]
        if rows:
            blocks.append(Block(entry["title"], [*STUB, *COLUMNS], len(STUB), rows))
    remarks = [
        f"Rank correlation: Spearman's coefficient [lower, upper end of the {request.level} confidence interval].",
        "Stability: the mean rank correlation of resamples with the sample, the lower of both models.",
    ]
    if not blocks:
        remarks = ["The configuration has no rank correlations."]
    table = correlations.assign(
        prompts=[", ".join(prompts) for prompts in correlations["prompts"]],
        source=[";".join([str(path), *_list_sources(row, path)]) for row in iterate_rows(correlations)],
    )
    return TableOutput(
        table, blocks, footnotes.entries(), remarks, [*correlations["model"], *correlations["other_model"]]
    )


def _list_sources(row: Any, path: str) -> list[str]:
    """Return the tables that a row was computed from, for the manifest."""
    cells = [
        {f"dataset={row.dataset}", f"model={model}", f"prompts={prompts}"}
        for model in (row.model, row.other_model)
        for prompts in row.prompts
    ]
    inputs = sorted(parquet.read_provenance(path).get("inputs", {}))
    return [source for source in inputs if any(cell <= set(source.split("/")) for cell in cells)]


def _format_row(row: Any, models: Mapping[str, Mapping[str, Any]], footnotes: Footnotes) -> list[Cell]:
    names = " and ".join(labels.model_label(models, model) for model in (row.model, row.other_model))
    counts = labels.format_carriers([row.n_clusters], [row.n_clusters_total])
    clusters = f"{counts} {row.clusters}{'' if row.n_clusters_total == 1 else 's'}"
    prompts = f"{row.n_prompts}: {', '.join(row.prompts)}" if row.n_prompts else "0"
    stub = [row.dataset, names, labels.metric_label(row.metric), prompts, clusters]
    if pd.isna(row.value):
        cells = [Cell(note_kind(row.note), footnote=footnotes.add(row.note)), Cell(ABSENT)]
    else:
        interval = labels.NO_INTERVAL
        if pd.notna(row.ci_low):
            interval = f"{row.ci_low:.{DECIMALS}f}, {row.ci_high:.{DECIMALS}f}"
        mark = footnotes.add(row.warning) if row.warning else ""
        stability = ABSENT if pd.isna(row.stability) else f"{row.stability:.{DECIMALS}f}"
        cells = [Cell(f"{row.value:.{DECIMALS}f}", interval, mark), Cell(stability)]
    return [*map(Cell, stub), *cells]
