"""Models chosen on the command line, and what a network is needed for."""

from pathlib import Path

import pytest
import yaml

from samgap.config.selection import list_downloads, restrict_to_models, select_models
from samgap.errors import UserError

CONFIG = {
    "models": {"a": {"weights": {"url": "http://x"}}, "b": {"weights": {"training": "more"}}, "c": {}},
    "datasets": {
        "test": {"archives": {"images": "one", "truth": "two"}},
        "learn": {"archives": {"data": "three"}},
        "watch": {},
        "other": {},
    },
    "trainings": {
        "more": {"dataset": "watch", "validation": "test", "start": "first"},
        "first": {"dataset": "learn", "validation": "test", "mix": [{"dataset": "watch", "share": 0.5}]},
        "unused": {"dataset": "other", "validation": "other"},
    },
    "experiments": {
        "both": {"datasets": ["test"], "models": ["a", "b"], "prompts": ["box"], "metrics": ["iou"]},
        "one": {"datasets": ["test"], "models": ["b"], "prompts": ["box"], "metrics": ["recall"]},
    },
    "comparisons": {
        "pairs": {
            "experiments": ["both", "one"],
            "metrics": ["iou", "recall"],
            "pairs": [
                {"candidate": {"model": "a", "prompts": "box"}, "baseline": {"model": "b", "prompts": "box"}},
                {"candidate": {"model": "b", "prompts": "box"}, "baseline": {"model": "b", "prompts": "point"}},
            ],
        },
    },
    "figures": {
        "drawn": {"dataset": "test", "spatial": {"model": "b", "prompts": "box"}, "images": 3},
        "plain": {"experiments": ["both", "one"], "metrics": ["iou", "recall"]},
        "data": {"dataset": "test", "images": 3},
    },
    "tables": {"all": {"experiments": ["one"]}, "none": {"title": "x", "note": None}},
}


def test_ids_in_place_of_models(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(CONFIG))
    for given in ("a,c", "a, c", ["a", "c"]):
        config, names = select_models({**CONFIG, "models": given}, [file])
        assert (config, names) == (CONFIG, ("a", "c"))
    assert select_models(CONFIG, [file]) == (CONFIG, None)
    with pytest.raises(UserError, match="names 'aa'"):
        select_models({**CONFIG, "models": "aa"}, [file])


def test_what_another_model_is_needed_for_is_left_out() -> None:
    found = restrict_to_models(CONFIG, ["a"])
    assert found["experiments"] == {"both": {**CONFIG["experiments"]["both"], "models": ["a"]}}
    assert found["comparisons"] == {}
    assert found["figures"] == {
        "plain": {"experiments": ["both"], "metrics": ["iou"]},
        "data": CONFIG["figures"]["data"],
    }
    assert found["tables"] == {"none": CONFIG["tables"]["none"]}
    assert found["models"] == CONFIG["models"]


def test_a_pair_goes_alone() -> None:
    found = restrict_to_models(CONFIG, ["b"])
    assert len(found["comparisons"]["pairs"]["pairs"]) == 1
    assert found["figures"] == CONFIG["figures"]


def test_nothing_left() -> None:
    assert restrict_to_models(CONFIG, None) == CONFIG
    with pytest.raises(UserError, match="no experiment is left with the models c"):
        restrict_to_models(CONFIG, ["c"])


def test_what_is_fetched() -> None:
    assert list_downloads(CONFIG) == {
        "archives": ["one", "three", "two"],
        "datasets": ["learn", "test", "watch"],  # what the used model is trained on, and started from
        "models": ["a"],
    }
    assert list_downloads(restrict_to_models(CONFIG, ["a"])) == {
        "archives": ["one", "two"],
        "datasets": ["test"],
        "models": ["a"],
    }
