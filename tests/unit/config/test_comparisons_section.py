import copy
from pathlib import Path

import pytest
import yaml

from samgap.config import comparisons
from samgap.config.load import validate_config
from samgap.errors import UserError

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load("""
experiments:
  boxes: {datasets: [one, two], models: [net, oval], prompts: [box, point], metrics: [iou, dice]}
  words: {datasets: [two, three], models: [net], prompts: [concepts], metrics: [iou, pmf1]}
  far: {datasets: [three], models: [oval], prompts: [box], metrics: [iou]}
comparisons: {}
""")
NET, OVAL = {"model": "net", "prompts": "box"}, {"model": "oval", "prompts": "box"}
WORDS, POINT = {"model": "net", "prompts": "concepts"}, {"model": "net", "prompts": "point"}


def config(*pairs, **entry):
    found = copy.deepcopy(CONFIG)
    known = {"title": "T", "experiments": ["boxes", "words"], "metrics": ["iou"], **entry}
    if pairs:
        known["pairs"] = [{"candidate": first, "baseline": second} for first, second in pairs]
    found["comparisons"]["family"] = known
    return found


def found(config):
    comparisons.validate_comparisons(config)
    keys = ("dataset", "model", "prompts", "baseline_model", "baseline_prompts")
    return [tuple(pair[key] for key in keys) for pair in comparisons.expand_comparisons(config)]


def test_pairs_are_compared_on_each_data_set_that_both_have():
    one = config((NET, OVAL), (WORDS, NET))
    assert found(one) == [
        ("one", "net", "box", "oval", "box"),
        ("two", "net", "box", "oval", "box"),
        ("two", "net", "concepts", "net", "box"),
    ]
    assert {(pair["comparison"], *pair["metrics"]) for pair in comparisons.expand_comparisons(one)} == {
        ("family", "iou")
    }


def test_a_baseline_is_compared_with_all_else():
    assert found(config(baseline=OVAL)) == [
        ("one", "net", "box", "oval", "box"),
        ("two", "net", "box", "oval", "box"),
        ("one", "net", "point", "oval", "box"),
        ("two", "net", "point", "oval", "box"),
        ("one", "oval", "point", "oval", "box"),
        ("two", "oval", "point", "oval", "box"),
        ("two", "net", "concepts", "oval", "box"),
    ]


def test_none_declared():
    assert found(CONFIG) == []


@pytest.mark.parametrize(
    ("wrong", "parts"),
    [
        (config((NET, OVAL), metrics=["iuo"]), ["metrics names 'iuo'", "did you mean 'iou'?"]),
        (config((NET, OVAL), metrics=["pmf1"], experiments=["boxes"]), ["'pmf1'", "none of its experiments measures"]),
        (config((WORDS, OVAL), experiments=["boxes"]), ["'net' with the prompts 'concepts'", "net with box, net with"]),
        (config(baseline=WORDS, experiments=["boxes"]), ["'net' with the prompts 'concepts'"]),
        (config(baseline=OVAL, experiments=["far"]), ["baseline is all that its experiments have"]),
        (config((NET, NET)), ["compares net with box to itself"]),
        (config((NET, OVAL), (OVAL, NET)), ["compares net with box and oval with box twice"]),
        (config((POINT, OVAL), (POINT, OVAL)), ["twice"]),
    ],
)
def test_what_cannot_be_compared_is_one_line(wrong, parts):
    with pytest.raises(UserError) as error:
        comparisons.validate_comparisons(wrong)
    message = str(error.value)
    assert message.startswith("config: comparisons.family") and "\n" not in message
    for part in parts:
        assert part in message


def test_cells_without_a_common_data_set():
    apart = config((WORDS, OVAL), experiments=["words", "boxes"])
    apart["experiments"]["boxes"]["datasets"] = ["one"]
    with pytest.raises(UserError, match="net with concepts and oval with box, which share no data set"):
        comparisons.validate_comparisons(apart)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"baseline": OVAL}, "has 'baseline', 'pairs' of 'baseline', 'pairs'; name exactly one"),
        ({"pairs": ...}, "has none of 'baseline', 'pairs'"),
        ({"experiments": ["boxs"]}, "comparisons.box-itself.experiments names 'boxs', which is not in experiments"),
        ({"metric": ["iou"]}, "unknown key 'metric' in comparisons.box-itself; did you mean 'metrics'?"),
        ({"pairs": [{"candidate": NET}]}, "comparisons.box-itself.pairs.0 lacks the key 'baseline'"),
        ({"pairs": []}, "fewer than 1"),
    ],
)
def test_the_schema_and_references_are_checked_with_the_rest(change, part):
    demo = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    entry = demo["comparisons"]["box-itself"]
    entry |= change
    demo["comparisons"]["box-itself"] = {key: value for key, value in entry.items() if value is not ...}
    with pytest.raises(UserError) as error:
        validate_config(demo, ROOT)
    assert part in str(error.value)


@pytest.mark.parametrize("name", ["config", "demo"])
def test_the_repositorys_own_comparisons(name):
    own = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text())
    comparisons.validate_comparisons(own)
    pairs = comparisons.expand_comparisons(own)
    network = pairs[0]["model"]
    assert [(pair["model"], pair["baseline_model"]) for pair in pairs if pair["comparison"] == "box-itself"] == [
        (network, "filled-box"),
        (network, "ellipse"),
        ("ellipse", "filled-box"),
    ]
    against = [(pair["prompts"], pair["baseline_prompts"]) for pair in pairs if pair["comparison"] == "point-or-box"]
    assert ("point", "box") in against and {baseline for _, baseline in against} == {"box"}
