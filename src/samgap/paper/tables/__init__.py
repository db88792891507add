"""Tables of the paper, one module for each: `tables/my_table.py` makes the entry `tables.my-table` of a configuration.

A table module defines `build_table(request: TableRequest) -> TableOutput`; its docstring is the caption in the report.
`samgap.paper.render` calls it and writes the files. It may define `OPTIONS`, and `INPUTS` for files in addition to
`estimates` and `comparisons`: any of `rank_correlations`, `confusions`, `score_thresholds`, `history`, `inventory`,
`probes` and `claims`, as a figure does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from samgap.paper.grid import Block


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
