"""Table 4 of the paper, on equations, objectives and metrics, row by row: what the paper says in short, the verdicts on
it, and what this run or the installed packages have beside it. Each verdict is a mark with the number of a claim; the
second part of the table has these claims with their evidence. A footnote says why a value is missing.

The CSV file has a row for each cell of the paper, for each claim that decides it, and for each value in full precision,
with the tables that they come from.
"""

from samgap.paper.audited_table import build_table

__all__ = ["build_table"]

INPUTS = ("claims", "inventory", "probes")
OPTIONS = {"required": ["rows"], "properties": {"rows": {"$ref": "#/$defs/audited-rows"}}}
