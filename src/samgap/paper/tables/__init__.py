"""Tables of the paper, one module for each: `tables/my_table.py` makes the entry `tables.my-table` of a configuration.

A table module defines `build_table(request: TableRequest) -> TableOutput`; its docstring is the caption in the report.
`samgap.paper.render` calls it and writes the files. It may define `OPTIONS`, and `INPUTS` for files in addition to
`estimates` and `comparisons`: any of `rank_correlations`, `confusions`, `score_thresholds`, `history`, `inventory`,
`probes` and `claims`, as a figure does.
"""

from samgap.paper.requests import TableOutput, TableRequest

__all__ = ["TableOutput", "TableRequest"]
