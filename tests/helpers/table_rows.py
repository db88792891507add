"""A small run with claims, and rows of a table that show its values."""

from pathlib import Path
from typing import Any

from samgap.claims.data import TABLES, ClaimData
from samgap.claims.decide import decide_claims
from samgap.paper.tables import TableRequest
from samgap.tables.claims import CLAIMS
from tests.helpers.claims import PATHS, make_claim, make_data

MODELS = {"one": {"label": "Model one", "demo": True}, "two": {"label": "Model two"}}
BOX = {"dataset": "orchard", "model": "one", "prompts": "box"}
NONE = {"none": "two is closed"}
LAYERS = {"check": "attribute", "model": "sam9", "path": "encoder.layers", "equals": 6, "unit": "layers"}
IOU = {
    **{"check": "estimate", "experiment": "boxes", "dataset": "main", "model": "sam2", "prompts": "box"},
    **{"metric": "iou", "at-least": 0.7, "unit": "IoU"},
}
CLAIM_ENTRIES = [
    make_claim(LAYERS, id="six", wording="It has six layers."),
    make_claim({**LAYERS, "equals": 7}, id="seven", wording="It has seven layers."),
    make_claim(IOU, id="measured", wording="It scores 0.7."),
]


def make_row(id: str = "layers", **changes: Any) -> dict[str, Any]:
    """Return a row with one quantity."""
    row = {
        **{"id": id, "title": "Layers", "place": "Table 2, row 1"},
        "sam2": {"paper": "six of them", "claims": ["six"]},
        "sam3": {"paper": "many", "claims": ["seven", "measured"]},
        "measured": [{"metric": "iou", "sam2": BOX, "sam3": NONE}],
    }
    return {**row, **changes}


def make_request(folder: Path, rows: list[dict[str, Any]], data: ClaimData | None = None) -> TableRequest:
    """Write the tables of a run to `folder` and return the request for a table with `rows`."""
    data = data or make_data(demo_models=["one"])
    paths = {name: str(folder / f"{name}.parquet") for name in (*TABLES, "claims")}
    pairs = "results/try/matching/dataset=orchard/model=one/prompts=box/pairs.parquet"
    for name, table in TABLES.items():
        table.write(paths[name], getattr(data, name), {"inputs": {pairs: "0"}})
    CLAIMS.write(paths["claims"], decide_claims(CLAIM_ENTRIES, data, PATHS, "try"))
    entry = {"number": "Table 2", "title": "Parts", "rows": rows}
    return TableRequest("architecture", paths, entry, MODELS, {}, {})
