"""The section `rank-correlations`: its expansion, and its errors."""

import copy
from pathlib import Path

import pytest
import yaml

from samgap.config import rank_correlations
from samgap.config.selection import restrict
from samgap.config.validate import validate_config
from samgap.errors import UserError

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load("""
prompts: {box: {}, point: {}, clicks: {}, far: {subset: {images: 3}}}
experiments:
  one: {datasets: [a, b], models: [first], prompts: [box, point, clicks], metrics: [iou]}
  two: {datasets: [a], models: [second, first], prompts: [point, box, far], metrics: [iou, dice]}
  three: {datasets: [c], models: [second], prompts: [box], metrics: [iou]}
""")


def make_config(**changes):
    entry = {"title": "T", "experiments": ["one", "two"], "models": ["first", "second"], "metric": "iou", **changes}
    return {**copy.deepcopy(CONFIG), "rank-correlations": {"order": entry}}


def test_the_prompt_sets_that_both_models_have_are_ranked_on_each_data_set():
    (row,) = rank_correlations.expand_rank_correlations(make_config())
    assert (row["dataset"], row["model"], row["other_model"], row["metric"]) == ("a", "first", "second", "iou")
    assert row["prompts"] == ["box", "point", "far"]
    cells = rank_correlations.list_correlated_cells(row)
    assert len(cells) == 6 and ("a", "second", "far") in cells


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"metric": "dcie"}, "order.metric is 'dcie', which none of its experiments measures; did you mean 'dice'?"),
        ({"experiments": ["one", "three"]}, "'first' and 'second' have no common prompt set in its experiments"),
        ({"datasets": ["b"]}, "order.datasets names 'b', on which 'first' and 'second' have no common prompt set"),
        ({}, "ranks prompts 'box' and 'far' with different `subset`"),
    ],
)
def test_an_invalid_entry_is_one_line(changes, part):
    with pytest.raises(UserError) as error:
        rank_correlations.validate_rank_correlations(make_config(**changes))
    message = str(error.value)
    assert part in message and message.startswith("config: rank-correlations.order") and "\n" not in message


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"models": ["sam3"]}, "rank-correlations.prompt-order.models"),
        ({"models": ["sam3", "sam2-larg"]}, "rank-correlations.prompt-order.models names 'sam2-larg'"),
        ({"experiments": ["spatial"]}, "rank-correlations.prompt-order.experiments names 'spatial'"),
        ({"metrics": ["iou"]}, "unknown key 'metrics' in rank-correlations.prompt-order; did you mean 'metric'?"),
    ],
)
def test_the_schema_and_the_references_are_checked(changes, part):
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    config["rank-correlations"]["prompt-order"] |= changes
    with pytest.raises(UserError) as error:
        validate_config(config, ROOT)
    assert part in str(error.value)


def test_the_papers_run_ranks_seventeen_prompt_sets_of_sam2_and_sam3():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
    row = rank_correlations.expand_rank_correlations(config)[0]
    assert {row["model"], row["other_model"]} == {"sam2-large", "sam3"} and row["dataset"] == "minneapple-test"
    assert len(row["prompts"]) == 17
    assert {"box", "point", "point-box", "box-jitter-20", "point-boundary", "mask-blocky"} < set(row["prompts"])


def test_the_demo_ranks_the_spatial_prompt_sets_of_sam2_and_sam3():
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text(encoding="utf-8"))
    (row,) = rank_correlations.expand_rank_correlations(config)
    assert {row["model"], row["other_model"]} == {"sam2-demo", "sam3-demo"} and row["dataset"] == "orchard-sim-test"
    assert row["prompts"] == ["box", "point", "point-box"]


def test_a_selection_without_one_of_the_models_has_no_rank_correlation():
    config = validate_config(yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8")), ROOT)
    assert list(restrict(config, {"models": ["sam2-large", "sam3"], "experiments": None})["rank-correlations"]) == [
        "prompt-order"
    ]
    assert not restrict(config, {"models": ["sam3"], "experiments": None})["rank-correlations"]
