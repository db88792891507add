"""The main results: all models and prompts on the same images, one block for each data set, with 95 % confidence
intervals or those of the level that the run sets (bootstrap over images).

The experiments and the metrics are those that the configuration names, at most eight metrics. The tables of all results
and of the strata have the others. The CSV file holds the estimates of this table in full precision, one per row. Where
there is no value or no interval, a footnote gives the reason. A dagger (†) marks values for which the labels are not
exhaustive: background objects count as false positives. A footnote states the number of predictions that a metric
leaves out.
"""

from samgap.paper import csv
from samgap.paper.estimate_blocks import WHOLE_SET, build_block, list_remarks
from samgap.paper.notes import Footnotes
from samgap.paper.sources import add_sources
from samgap.paper.tables import TableOutput, TableRequest
from samgap.tables.statistics import ESTIMATES

OPTIONS = {
    "required": ["experiments", "metrics"],
    "properties": {
        "metrics": {
            "description": "The metrics that are shown, one column each; the experiments must have them.",
            "$ref": "#/$defs/ids",
            "maxItems": 8,
        }
    },
}
KEYS = ["model", "prompts"]


def build_table(request: TableRequest) -> TableOutput:
    """Return the estimates over whole data sets of the experiments and metrics that the entry names."""
    path, metrics = request.inputs["estimates"], request.entry["metrics"]
    estimates = csv.select_experiments(ESTIMATES.read(path), request.entry["experiments"])
    shown = estimates[(estimates["stratum"] == WHOLE_SET) & estimates["metric"].isin(metrics)]
    footnotes = Footnotes()
    blocks = [
        build_block(rows, str(dataset), KEYS, metrics, request.models, footnotes)
        for dataset, rows in shown.groupby("dataset", sort=False)
    ]
    remarks = list_remarks(blocks, metrics, request.level)
    return TableOutput(add_sources(shown, path), blocks, footnotes.entries(), remarks, list(shown["model"]))
