"""Rows of table `comparisons`, and the request for the table that shows them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from samgap.paper.tables import TableRequest
from samgap.tables.statistics import COMPARISONS
from tests.helpers.paper import EXPERIMENTS, MODELS, SKIPPED, WARNING

COMPARISON_FAMILIES = {"skill": {"title": "Network & box"}, "same": {"title": "Point or box"}}


def make_comparison(
    family: str, model: str, metric: str, value: float, p: float = 0.004, **columns: Any
) -> dict[str, Any]:
    """Return a row of table `comparisons` with the filled box as the baseline."""
    values = {"value": value, "baseline_value": 0.7, "difference": value - 0.7, "ci_low": value - 0.75}
    values |= {"ci_high": value - 0.65, "p_value": p, "p_holm": min(2 * p, 1), "p_bonferroni": min(2 * p, 1)}
    values |= {"p_t_test": p / 2, "effect_size": 1.25, "effect_low": 0.9, "effect_high": 1.6}
    values |= {"margin": None, "p_equivalence": None, "p_equivalence_holm": None, "outcome": "different"}
    values |= {"minimum_detectable": 0.0123, "n_tests": 2, "warning": None, "note": None}
    cell = {"comparison": family, "dataset": "orchard-sim-test", "model": model, "prompts": "box"}
    cell |= {"baseline_model": "filled-box", "baseline_prompts": "box", "metric": metric, "pairing": "paired"}
    cell |= {"baseline_dataset": "orchard-sim-test", "stratum": "all", "baseline_stratum": "all"}
    counts = {"clusters": "image", "n_clusters": 60, "n_clusters_total": 60, "undefined_resamples": 0.0}
    counts |= {"n_instances": 312, "baseline_n_instances": 312}
    coverage = {"lacks_labels": False, "n_left_out": None, "labelled_distance": None}
    coverage |= {"baseline_lacks_labels": False, "baseline_n_left_out": None}
    return cell | counts | values | coverage | columns


def make_comparisons(model: str = "sam2-demo") -> pd.DataFrame:
    """Return a table `comparisons`: a difference, one with a warning, one without spread, and a skipped one."""
    blank = ("baseline_value", "difference", "ci_low", "ci_high", "p_value", "p_holm", "p_bonferroni", "outcome")
    tests = ("p_t_test", "effect_size", "effect_low", "effect_high", "minimum_detectable")
    skipped = {"n_tests": 0, "note": SKIPPED, **dict.fromkeys(blank + tests)}
    return pd.DataFrame(
        [
            make_comparison("skill", model, "iou", 0.91234567890123),
            make_comparison("skill", "ellipse", "dice", 0.81, p=0.0001, warning=WARNING),
            make_comparison("same", model, "iou", 0.7, p=1.0, outcome="undecided", **dict.fromkeys(tests)),
            {**make_comparison("same", "sam3", "iou", 0.7), **skipped},
        ]
    )


def comparisons_request(
    comparisons: pd.DataFrame,
    folder: Path,
    families: Mapping[str, Any] = COMPARISON_FAMILIES,
    table: str = "comparisons",
) -> TableRequest:
    """Write `comparisons`, with provenance, to `folder` and return the request for a table of comparisons."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "comparisons.parquet"
    cells = [f"dataset=orchard-sim-test/model={model}/prompts=box" for model in ("sam2-demo", "ellipse", "filled-box")]
    inputs = {f"results/test/matching/{cell}/shard=000/pairs.parquet": "0" * 64 for cell in cells}
    COMPARISONS.write(path, comparisons, {"inputs": {**inputs, "resources/datasets/d/images.parquet": "1" * 64}})
    entry = {"title": "Paired & compared", "number": "Table 2"}
    return TableRequest(table, {"comparisons": str(path)}, entry, MODELS, EXPERIMENTS, families)
