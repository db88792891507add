"""The branches into which the paper divides the gap, with the verdicts on the claims that it makes in each.

A bar has all claims of a branch, by verdict; the number at its end is their sum, and bars are to one scale. Evidence is
one decided claim, with the mark of its verdict; a text whose claim has another verdict in this run is not shown. The
table of claims has all of them with their evidence. A claim that only data or models of another run decide is not
testable. The CSV file lists every claim counted.
"""

from samgap.paper.audit import draw_audit
from samgap.paper.figures import FigureOutput, FigureRequest

INPUTS = ("claims",)
OPTIONS = {
    "required": ["facts"],
    "properties": {"facts": {"description": "YAML file with the branches.", "$ref": "#/$defs/text"}},
}


def draw_figure(request: FigureRequest) -> FigureOutput:
    """Draw a row for each branch of the entry's facts."""
    return draw_audit(request, "branches")
