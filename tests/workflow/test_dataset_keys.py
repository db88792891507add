"""Keys of a data set that later stages read: a change of them makes neither the data set nor its prompts again."""

import re

import pytest

from .conftest import SCENES, Checkout, baseline_config

pytestmark = pytest.mark.workflow

TARGETS = [f"results/demo/statistics/{name}.parquet" for name in ("estimates", "comparisons")]
STATISTICS = {"estimate", "compare"}


def list_planned_rules(checkout: Checkout) -> set[str]:
    return set(re.findall(r"^rule (\w+):$", checkout.run(*TARGETS, "--dry-run"), re.MULTILINE))


def test_each_key_reruns_the_stages_that_read_it(checkout):
    checkout.write_config(**baseline_config(SCENES))
    checkout.run(*TARGETS, cores=2)
    assert list_planned_rules(checkout) == set()
    for key, value, rules in (
        ("exhaustive", False, STATISTICS),
        ("labelled-distance", 0.2, {"match_predictions", *STATISTICS}),
        ("shards", 3, {"predict", "match_predictions", *STATISTICS}),
        ("seed", 22, {"dataset", "prompts", "predict", "match_predictions", *STATISTICS}),
    ):
        checkout.write_config(**baseline_config({**SCENES, key: value}))
        assert list_planned_rules(checkout) == rules, key
