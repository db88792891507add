"""Each claim that an estimate decides: what the paper's configuration plans for it, and what it does not plan yet."""

from pathlib import Path

import pytest
import yaml

from samgap.claims.region import Region
from samgap.config.comparisons import expand_comparisons
from samgap.config.validate import validate_config
from samgap.metrics import load_metric
from tests.helpers.claims import ROOT, load_run_claims


def load_config(name):
    return validate_config(yaml.safe_load((ROOT / "config" / f"{name}.yaml").read_text(encoding="utf-8")), Path(ROOT))


CONFIG = load_config("config")
SECTION = CONFIG["claims"]
ESTIMATES = [
    (claim["id"], check)
    for claim in load_run_claims()["statements"]
    for check in claim["checks"]
    if check["check"] == "estimate"
]
MISSING = {
    "no model in the role sam2-tuned": {"sam2-tuned-iou", "sam2-tuned-boundary-f"},
    "no model in the role sam3-tuned": {
        *("sam3-tuned-iou", "sam3-tuned-recall", "sam3-tuned-grounding", "unseen-no-worse"),
    },
}
"""What the paper's configuration does not plan yet -> the claims that are not testable for this reason."""


def is_exhaustive(dataset):
    """Return whether the labels of a data set of the paper's configuration are exhaustive."""
    entry = CONFIG["datasets"][dataset]
    return entry.get("exhaustive", entry["kind"] != "minneapple")


def list_strata(dataset, prompts, metric):
    """Return the strata that the paper's configuration has of a metric: phrases, and attributes of simulated fruit."""
    entry = CONFIG["prompts"][prompts]
    strata = [phrase["phrase"] for phrase in entry.get("phrases", [])] if metric.by_phrase else []
    strata += [f"level: {phrase['level']}" for phrase in entry.get("phrases", []) if "level" in phrase]
    if metric.by_instance and CONFIG["datasets"][dataset]["kind"] == "orchard-sim":
        strata += [f"occlusion: {value}" for value in ("visible", "partial", "heavy")]
    return strata


def name_side(side):
    """Return data set, model, prompt set and stratum of one side of a difference."""
    ids = SECTION["datasets"][side["dataset"]], SECTION["models"][side["model"]]
    return *ids, side["prompts"], side.get("stratum")


def name_pair_side(pair, prefix, stratum):
    """Return the same of one side of a pair; `stratum` is one of the pair's attributes, or None."""
    ids = (pair[f"{prefix}{key}"] for key in ("dataset", "model", "prompts"))
    return *ids, stratum or pair[f"{prefix}stratum"]


def list_pair_strata(pair, metric):
    """Return the strata in which both sides of a pair are compared."""
    strata = list_strata(pair["dataset"], pair["prompts"], metric)
    return [stratum for stratum in strata if stratum.partition(": ")[0] in pair["strata"]]


def find_missing(check):
    """Return what the paper's configuration lacks to decide a check; None if it plans everything."""
    against = check.get("against", {})
    for side in (check, against):
        for key, kind in (("dataset", "data set"), ("model", "model")):
            if key in side and side[key] not in SECTION[f"{key}s"]:
                return f"no {kind} in the role {side[key]}"
    dataset, model = SECTION["datasets"][check["dataset"]], SECTION["models"][check["model"]]
    metric = load_metric(check["metric"])
    if metric.needs_exhaustive_labels and not is_exhaustive(dataset):
        return f"labels of {dataset} that {metric.id} needs"
    if against:
        sides = frozenset([name_side(check), name_side({**check, **against})])
        pairs = {
            frozenset([name_pair_side(pair, "", stratum), name_pair_side(pair, "baseline_", stratum)])
            for pair in expand_comparisons(CONFIG)
            if metric.id in pair["metrics"]
            for stratum in (None, *list_pair_strata(pair, metric))
        }
        return None if sides in pairs else "no comparison"
    experiment = CONFIG["experiments"].get(check["experiment"])
    if experiment is None:
        return f"no experiment {check['experiment']}"
    cell = zip(("datasets", "models", "prompts", "metrics"), (dataset, model, check["prompts"], metric.id), strict=True)
    lacking = [id for section, id in cell if id not in experiment[section]]
    if lacking:
        return f"{', '.join(lacking)} in the experiment {check['experiment']}"
    if "stratum" in check and check["stratum"] not in list_strata(dataset, check["prompts"], metric):
        return f"the stratum {check['stratum']}"
    return None


def test_the_papers_configuration_decides_every_estimate_but_those_listed_here():
    """A metric that needs exhaustive labels on MinneApple, or a cell that no experiment has, is never decided."""
    found = {}
    for claim, check in ESTIMATES:
        if reason := find_missing(check):
            found.setdefault(reason, set()).add(claim)
    assert found == MISSING
    n_decided = len({claim for claim, _ in ESTIMATES} - set().union(*MISSING.values()))
    assert n_decided >= 26


@pytest.mark.parametrize(("claim", "check"), ESTIMATES, ids=[claim for claim, _ in ESTIMATES])
def test_the_bounds_can_be_reached_and_missed(claim, check):
    """A bound that every value of the metric meets, or none, decides nothing."""
    low, high = load_metric(check["metric"]).value_range
    if "against" in check:
        low, high = low - high, high - low
    region = Region.from_check(check)
    assert low <= max(region.low, low) <= min(region.high, high) <= high, claim
    assert region.low > low or region.high < high or region.low_open or region.high_open, claim


@pytest.mark.parametrize("kind", ["dataset", "model"])
def test_every_role_is_used_by_a_claim(kind):
    schema = yaml.safe_load((ROOT / "config/claims.schema.yaml").read_text(encoding="utf-8"))
    used = {side[kind] for _, check in ESTIMATES for side in (check, check.get("against", {})) if kind in side}
    assert used == set(schema["$defs"][f"{kind}-role"]["enum"])


def test_every_experiment_of_the_schema_is_named_by_a_claim():
    schema = yaml.safe_load((ROOT / "config/claims.schema.yaml").read_text(encoding="utf-8"))
    named = {check["experiment"] for _, check in ESTIMATES if "experiment" in check}
    assert sorted(named) == sorted(schema["$defs"]["experiment"]["enum"])


def test_runs_share_one_entry_of_the_simulated_orchard():
    """The folder of a data set is shared by all runs, so entries of one id must be equal."""
    demo = load_config("demo")["datasets"]
    for id in CONFIG["datasets"].keys() & demo.keys():
        assert CONFIG["datasets"][id] == demo[id], id
