"""Small tables from which claims are decided, and those of the installed packages."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from samgap.claims.data import ClaimData
from samgap.config.claims import load_claims
from samgap.inventory.models import list_rows
from samgap.inventory.probes import list_probes, run_probe
from samgap.tables.inventory import INVENTORY, PROBES
from samgap.tables.statistics import COMPARISONS, ESTIMATES

ROOT = Path(__file__).parents[2]
PACKAGE = {"package": "sam9", "version": "9.0", "file": "sam9/model.py"}
SOURCES = {
    "A": {"name": "paper A", "title": "A", "where": "here"},
    "B": {"name": "paper B", "title": "B", "where": "there"},
}
PATHS = {name: f"results/try/{name}.parquet" for name in ("inventory", "probes", "estimates", "comparisons")}

INVENTORY_ROWS = [
    {"path": "", "part": "module", "type": "Sam9", "n_own": 0, "n_total": 120},
    {"path": "encoder", "part": "module", "type": "ViT", "n_own": 20, "n_total": 100},
    {
        "path": "encoder.text",
        "part": "module",
        "type": "Linear",
        "n_own": 80,
        "n_total": 80,
        "file": "torch/nn/linear.py",
    },
    {
        "path": "encoder.text.weight",
        "part": "tensor",
        "type": "float32",
        "n_total": 80,
        "shape": [8, 10],
        "trained": True,
    },
    {"path": "encoder.layers", "part": "attribute", "type": "int", "value": "6"},
    {"path": "encoder.mode", "part": "attribute", "type": "str", "value": '"log"'},
    {"path": "encoder.ids", "part": "attribute", "type": "list", "value": "[7, 15]"},
    {"path": "encoder.refine", "part": "attribute", "type": "bool", "value": "true"},
    {"path": "head", "part": "module", "type": "MLP", "n_own": 20, "n_total": 20},
]
PROBE_ROW = {
    "probe": "count-masks",
    "quantity": "masks",
    "value": 3.0,
    "unit": "masks",
    "detail": "one prompt",
    "evidence": "sam9/head.py: predict",
    "package": "sam9",
    "version": "9.0",
}
ESTIMATE_ROW = {
    **{
        "experiment": "boxes",
        "dataset": "orchard",
        "model": "one",
        "prompts": "box",
        "metric": "iou",
        "stratum": "all",
    },
    **{"value": 0.8, "ci_low": 0.75, "ci_high": 0.85, "n_images": 40, "n_instances": 200},
    **{"n_images_total": 40, "n_clusters_total": 40, "undefined_resamples": 0.0},
    **{"clusters": "image", "n_clusters": 40, "warning": None, "note": None},
}
COMPARISON_ROW = {
    **{"comparison": "box-or-point", "dataset": "orchard", "metric": "iou", "stratum": "all"},
    **{"baseline_dataset": "orchard", "baseline_stratum": "all", "pairing": "paired"},
    **{"model": "one", "prompts": "box", "baseline_model": "one", "baseline_prompts": "point"},
    **{"value": 0.8, "baseline_value": 0.7, "difference": 0.1, "ci_low": 0.05, "ci_high": 0.15, "n_tests": 1},
    **{"clusters": "image", "n_clusters": 38, "n_instances": 200, "baseline_n_instances": 200},
    **{"n_clusters_total": 38, "undefined_resamples": 0.0},
    **{"warning": None, "note": None},
}


def make_data(
    estimates: list[Mapping[str, Any]] | None = None,
    comparisons: list[Mapping[str, Any]] | None = None,
    **settings: Any,
) -> ClaimData:
    """Return data with the rows of this module; an estimate or comparison is given by what differs from its row."""
    inventory = pd.DataFrame([{"model": "sam9", **PACKAGE, **row} for row in INVENTORY_ROWS])
    return ClaimData(
        inventory=INVENTORY.add_missing_columns(inventory),
        probes=pd.DataFrame([PROBE_ROW]),
        estimates=_make_frame(ESTIMATES, ESTIMATE_ROW, [{}] if estimates is None else estimates),
        comparisons=_make_frame(COMPARISONS, COMPARISON_ROW, [{}] if comparisons is None else comparisons),
        **{"datasets": {"main": "orchard"}, "models": {"sam2": "one", "sam3": "two"}, "sources": SOURCES, **settings},
    )


def make_claim(*checks: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """Return an entry of the file of claims."""
    return {
        **{"id": "one", "section": "§2.1", "kind": "structural", "reason": "prompts", "wording": "One is one."},
        **changes,
        "checks": [dict(check) for check in checks],
    }


@functools.cache
def make_package_data() -> ClaimData:
    """Return the data of the installed packages, as the rule `inventory` writes them; there are no estimates."""
    probes = [row for probe in list_probes() for row in run_probe(probe)]
    claims = load_run_claims()
    return ClaimData(
        inventory=INVENTORY.add_missing_columns(pd.DataFrame(list_rows({}))),
        probes=pd.DataFrame(probes)[PROBES.columns],
        estimates=ESTIMATES.empty_frame(),
        comparisons=COMPARISONS.empty_frame(),
        sources=claims["sources"],
    )


@functools.cache
def load_run_claims() -> dict[str, Any]:
    """Return the section `claims` of the paper's configuration, with the content of its files."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    return load_claims(config, ROOT)["claims"]


def _make_frame(table: Any, row: Mapping[str, Any], changes: list[Mapping[str, Any]]) -> pd.DataFrame:
    if not changes:
        return table.empty_frame()
    return table.add_missing_columns(pd.DataFrame([{**row, **change} for change in changes]))[table.columns]
