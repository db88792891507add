"""What a figure or a table gets, and what it returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from samgap.paper.grid import Block


@dataclass(frozen=True)
class FigureRequest:
    """The inputs of a figure.

    Attributes:
        figure_id: Id of the figure in the configuration, for error messages.
        inputs: Paths of the rule's input files by name (`estimates`, `images`, those of `INPUTS`, …); a list where
            there are several.
        entry: The figure's entry in the configuration.
        models: All models of the configuration, by id.
        score_threshold: Lowest score at which a mask of the entry's `concept` counts as a detection, 0 to 1; None
            without such a key.
    """

    figure_id: str
    inputs: Mapping[str, Any]
    entry: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    score_threshold: float | None = None


@dataclass(frozen=True)
class FigureOutput:
    """A drawn figure.

    Attributes:
        figure: The figure; its lowest `style.STAMP_MARGIN_IN` inches are free.
        rows: The rows drawn, for the CSV file.
        model_ids: Models whose results are drawn. The figure is stamped if one of them is a demo model.
    """

    figure: Figure
    rows: pd.DataFrame
    model_ids: Sequence[str] = ()


@dataclass(frozen=True)
class TableRequest:
    """The inputs of a table.

    Attributes:
        table_id: Id of the table in the configuration.
        inputs: Paths of the rule's input files by name: `estimates`, `comparisons`, `datasets` (the cards of all data
            sets) and those of `INPUTS`.
        entry: The table's entry in the configuration.
        models: All models of the configuration, by id.
        experiments: All experiments of the configuration, by id.
        comparisons: All families of comparisons of the configuration, by id.
        confidence: Level of the confidence intervals, 0 to 1.
        rank_correlations: All rank correlations of the configuration, by id.
    """

    table_id: str
    inputs: Mapping[str, Any]
    entry: Mapping[str, Any]
    models: Mapping[str, Mapping[str, Any]]
    experiments: Mapping[str, Mapping[str, Any]]
    comparisons: Mapping[str, Mapping[str, Any]]
    confidence: float = 0.95
    rank_correlations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """The level of the confidence intervals as printed, such as `95 %`."""
        return f"{100 * self.confidence:g} %"


@dataclass(frozen=True)
class TableOutput:
    """A table for the paper.

    Attributes:
        rows: The rows in full precision, for the CSV file.
        blocks: The rows as printed, one block for each heading.
        footnotes: Letter and text of each footnote.
        remarks: Sentences printed below the table. For each data set in the column `dataset` of `rows`, a remark on
            annotations that could not be used is added.
        model_ids: Models whose results are in the table. A remark is added if one of them is a demo model.
    """

    rows: pd.DataFrame
    blocks: Sequence[Block]
    footnotes: Sequence[tuple[str, str]] = ()
    remarks: Sequence[str] = ()
    model_ids: Sequence[str] = ()
