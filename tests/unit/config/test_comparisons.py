"""The section `comparisons`: its expansion to pairs of cells, and its errors."""

import copy
from pathlib import Path

import pytest
import yaml

from samgap.config import comparisons
from samgap.config.validate import validate_config
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


def make_config(*pairs, **entry):
    config = copy.deepcopy(CONFIG)
    comparison = {"title": "T", "experiments": ["boxes", "words"], "metrics": ["iou"], **entry}
    if pairs:
        comparison["pairs"] = [{"candidate": candidate, "baseline": baseline} for candidate, baseline in pairs]
    config["comparisons"]["family"] = comparison
    return config


def expand(config):
    comparisons.validate_comparisons(config)
    keys = ("dataset", "model", "prompts", "baseline_model", "baseline_prompts")
    return [tuple(pair[key] for key in keys) for pair in comparisons.expand_comparisons(config)]


def expand_margins(config):
    comparisons.validate_comparisons(config)
    return [pair["margins"] for pair in comparisons.expand_comparisons(config)]


def expand_strata(config):
    comparisons.validate_comparisons(config)
    keys = ("dataset", "stratum", "baseline_dataset", "baseline_stratum", "strata")
    return [tuple(pair[key] for key in keys) for pair in comparisons.expand_comparisons(config)]


def test_pairs_are_compared_on_each_data_set_that_both_cells_have():
    config = make_config((NET, OVAL), (WORDS, NET))
    assert expand(config) == [
        ("one", "net", "box", "oval", "box"),
        ("two", "net", "box", "oval", "box"),
        ("two", "net", "concepts", "net", "box"),
    ]
    assert {(pair["comparison"], *pair["metrics"]) for pair in comparisons.expand_comparisons(config)} == {
        ("family", "iou")
    }


def test_a_baseline_is_compared_with_every_other_cell():
    assert expand(make_config(baseline=OVAL)) == [
        ("one", "net", "box", "oval", "box"),
        ("two", "net", "box", "oval", "box"),
        ("one", "net", "point", "oval", "box"),
        ("two", "net", "point", "oval", "box"),
        ("one", "oval", "point", "oval", "box"),
        ("two", "oval", "point", "oval", "box"),
        ("two", "net", "concepts", "oval", "box"),
    ]


def test_strata_and_data_sets_of_both_sides():
    small, large = {**NET, "stratum": "area: small"}, {**NET, "stratum": "area: large"}
    assert expand_strata(make_config((small, large))) == [
        ("one", "area: small", "one", "area: large", []),
        ("two", "area: small", "two", "area: large", []),
    ]
    one, two = {**NET, "dataset": "one"}, {**NET, "dataset": "two"}
    assert expand_strata(make_config((one, two))) == [("one", None, "two", None, [])]
    assert expand_strata(make_config((two, {**OVAL, "dataset": "two"}), strata=["area"])) == [
        ("two", None, "two", None, ["area"])
    ]


def test_a_margin_is_of_all_metrics_or_of_those_it_names():
    both = {"metrics": ["iou", "dice"], "experiments": ["boxes"]}
    assert expand_margins(make_config((POINT, OVAL), **both, margin=0.02))[0] == {"iou": 0.02, "dice": 0.02}
    assert expand_margins(make_config((POINT, OVAL), **both, margin={"iou": 0.02}))[0] == {"iou": 0.02}
    assert expand_margins(make_config((POINT, OVAL), **both))[0] == {}


def test_a_configuration_may_have_no_comparisons():
    assert expand(CONFIG) == []


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        (make_config((NET, OVAL), metrics=["iuo"]), ["metrics names 'iuo'", "did you mean 'iou'?"]),
        (
            make_config((NET, OVAL), metrics=["pmf1"], experiments=["boxes"]),
            ["'pmf1'", "none of its experiments measures"],
        ),
        (
            make_config((WORDS, OVAL), experiments=["boxes"]),
            ["names 'net' with 'concepts'", "there is 'net' with 'box', 'net' with"],
        ),
        (make_config(baseline=WORDS, experiments=["boxes"]), ["names 'net' with 'concepts'"]),
        (make_config(baseline=OVAL, experiments=["far"]), ["baseline is the only cell of its experiments"]),
        (make_config((NET, NET)), ["compares 'net' with 'box' with itself"]),
        (make_config((NET, OVAL), (OVAL, NET)), ["compares 'net' with 'box' and 'oval' with 'box' twice"]),
        (make_config((POINT, OVAL), (POINT, OVAL)), ["twice"]),
        (make_config((NET, OVAL), margin={"dice": 0.1}), ["margin names 'dice', which is not in its metrics"]),
        (
            make_config(({**NET, "dataset": "one"}, OVAL)),
            ["'net' with 'box' on 'one' and 'oval' with 'box'; name the data set of both, or of neither"],
        ),
        (
            make_config(({**NET, "dataset": "three"}, {**OVAL, "dataset": "one"})),
            ["names the data set 'three', on which none of its experiments has 'net' with 'box'", "there is one, two"],
        ),
        (
            make_config(({**NET, "stratum": "area: small"}, OVAL), strata=["area"]),
            ["has `strata`, and compares 'net' with 'box' in 'area: small' and 'oval' with 'box'"],
        ),
        (
            make_config(({**NET, "stratum": "a: b"}, {**NET, "stratum": "a: b"})),
            ["compares 'net' with 'box' in 'a: b' with itself"],
        ),
    ],
)
def test_an_invalid_comparison_is_one_line(config, parts):
    with pytest.raises(UserError) as error:
        comparisons.validate_comparisons(config)
    message = str(error.value)
    assert message.startswith("config: comparisons.family") and "\n" not in message
    for part in parts:
        assert part in message


def test_cells_without_a_common_data_set():
    config = make_config((WORDS, OVAL), experiments=["words", "boxes"])
    config["experiments"]["boxes"]["datasets"] = ["one"]
    with pytest.raises(UserError, match="'net' with 'concepts' and 'oval' with 'box', which share no data set"):
        comparisons.validate_comparisons(config)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"baseline": OVAL}, "has 'baseline', 'pairs' of 'baseline', 'pairs'; name exactly one"),
        ({"pairs": ...}, "has none of 'baseline', 'pairs'"),
        ({"experiments": ["boxs"]}, "comparisons.box-itself.experiments names 'boxs', which is not in experiments"),
        ({"metric": ["iou"]}, "unknown key 'metric' in comparisons.box-itself; did you mean 'metrics'?"),
        ({"pairs": [{"candidate": NET}]}, "comparisons.box-itself.pairs.0 lacks the key 'baseline'"),
        ({"pairs": []}, "fewer than 1"),
        ({"margin": 0}, "comparisons.box-itself.margin"),
        ({"margin": {"iou": -0.1}}, "comparisons.box-itself.margin"),
        ({"strata": []}, "comparisons.box-itself.strata"),
    ],
)
def test_the_schema_and_the_references_of_comparisons_are_checked(change, part):
    demo = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
    entry = demo["comparisons"]["box-itself"] | change
    demo["comparisons"]["box-itself"] = {key: value for key, value in entry.items() if value is not ...}
    with pytest.raises(UserError) as error:
        validate_config(demo, ROOT)
    assert part in str(error.value)


@pytest.mark.parametrize("name", ["config", "demo"])
def test_the_comparisons_of_the_repositorys_configurations(name):
    config = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    comparisons.validate_comparisons(config)
    pairs = comparisons.expand_comparisons(config)
    network = next(pair["model"] for pair in pairs if pair["comparison"] == "box-itself")
    assert [(pair["model"], pair["baseline_model"]) for pair in pairs if pair["comparison"] == "box-itself"] == [
        (network, "filled-box"),
        (network, "ellipse"),
        ("ellipse", "filled-box"),
    ]
    compared = [(pair["prompts"], pair["baseline_prompts"]) for pair in pairs if pair["comparison"] == "point-or-box"]
    assert ("point", "box") in compared and {baseline for _, baseline in compared} == {"box"}


SAM2, SAM3 = ("sam2-demo", "sam2-large"), ("sam3-demo", "sam3")


@pytest.mark.parametrize("name", ["config", "demo", "own-data"])
def test_sam3_against_sam2_is_the_first_family_and_has_a_margin(name):
    config = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    pairs = comparisons.expand_comparisons(config)
    first = [pair for pair in pairs if pair["comparison"] == next(iter(config["comparisons"]))]
    assert all(pair["model"] in SAM3 and pair["baseline_model"] in SAM2 for pair in first)
    assert all(set(pair["margins"]) == set(pair["metrics"]) for pair in first)
    assert {(pair["prompts"], pair["baseline_prompts"]) for pair in first} == {
        (prompts, prompts) for prompts in ("box", "point", "point-box")
    }


def test_sam3_and_sam2_are_compared_by_area_occlusion_and_density():
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
    pairs = [pair for pair in comparisons.expand_comparisons(config) if pair["comparison"] == "sam3-or-sam2"]
    assert len(pairs) == 3 and all(pair["strata"] == ["area", "occlusion", "density"] for pair in pairs)


@pytest.mark.parametrize(
    ("name", "compared"),
    [
        (
            "config",
            {
                *((prompts, "sam2-large", prompts) for prompts in ("box", "point", "point-box")),
                *(("concepts", "grounded-owlv2", "concepts"), ("concepts", "grounded-sam3", "concepts")),
                ("concepts", "sam2-large", "box"),
                ("clicks-sample", "sam2-large", "clicks-sample"),
            },
        ),
        (
            "demo",
            {
                *((prompts, "sam2-demo", prompts) for prompts in ("box", "point", "point-box")),
                *(("concepts", "sam2-demo", "box"), ("concepts", "grounded-demo", "concepts")),
            },
        ),
    ],
)
def test_sam3_is_compared_with_sam2_shown_boxes_and_points_and_given_boxes_of_a_detector(name, compared):
    config = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    keys = ("prompts", "baseline_model", "baseline_prompts")
    with_margin = [pair for pair in comparisons.expand_comparisons(config) if pair["margins"]]
    assert {tuple(pair[key] for key in keys) for pair in with_margin if pair["model"] in SAM3} == compared
