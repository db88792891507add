"""Estimates by stratum: by phrase, and by attributes of instances and images. One block for each experiment and data
set; an experiment with many metrics has several. Confidence intervals are of a bootstrap over images.

The CSV file holds the estimates in full precision, one per row. Where there is no value or no interval, a footnote
gives the reason. A dagger (†) marks values for which the labels are not exhaustive: background objects count as false
positives. A footnote states the number of predictions that a metric leaves out.
"""

from samgap.paper import csv
from samgap.paper.estimate_blocks import WHOLE_SET, build_block, list_remarks, split_metrics
from samgap.paper.notes import Footnotes
from samgap.paper.sources import add_sources
from samgap.paper.tables import TableOutput, TableRequest
from samgap.tables.statistics import ESTIMATES

OPTIONS = {"required": ["experiments"], "properties": {}}
KEYS = ["model", "prompts", "stratum"]
KEY_WIDTHS = {0: 0.1, 1: 0.08, 2: 0.12}
"""Widths of the columns of KEYS in LaTeX, as shares of the line; with them the table continues over pages."""
MAX_METRICS = 4
"""Columns of metrics in one block: more do not fit on a line in print."""


def build_table(request: TableRequest) -> TableOutput:
    """Return the estimates by stratum of the experiments that the entry names."""
    path = request.inputs["estimates"]
    estimates = csv.select_experiments(ESTIMATES.read(path), request.entry["experiments"])
    shown = estimates[estimates["stratum"] != WHOLE_SET]
    footnotes = Footnotes()
    blocks = []
    for (experiment, dataset), rows in shown.groupby(["experiment", "dataset"], sort=False):
        entry = request.experiments[str(experiment)]
        reported = set(rows["metric"])
        groups = list(split_metrics([metric for metric in entry["metrics"] if metric in reported], MAX_METRICS))
        for number, metrics in enumerate(groups, 1):
            part = f" ({number} of {len(groups)})" if len(groups) > 1 else ""
            heading = f"{entry['title']}, {dataset}{part}"
            blocks.append(build_block(rows, heading, KEYS, metrics, request.models, footnotes, KEY_WIDTHS))
    remarks = list_remarks(blocks, sorted(set(shown["metric"])), request.level)
    return TableOutput(add_sources(shown, path), blocks, footnotes.entries(), remarks, list(shown["model"]))
