"""Models and experiments that the command line selects, and what a run downloads."""

import json
from pathlib import Path

import pytest
import yaml

from samgap.config.selection import list_downloads, read_selections, restrict
from samgap.errors import UserError

CONFIG = {
    "models": {"a": {"weights": {"url": "http://x"}}, "b": {"weights": {"training": "more"}}, "c": {}}
    | {"d": {"weights": {"hub": "x"}}},
    "datasets": {
        "test": {"archives": {"images": "one", "truth": "two"}},
        "learn": {"archives": {"data": "three"}},
        "watch": {},
        "other": {},
    },
    "trainings": {
        "more": {"dataset": "watch", "validation": "test", "start": "first"},
        "first": {"model": "d", "dataset": "learn", "validation": "test", "mix": [{"dataset": "watch", "share": 0.5}]},
        "unused": {"dataset": "other", "validation": "other"},
    },
    "experiments": {
        "two-models": {"datasets": ["test"], "models": ["a", "b"], "prompts": ["box", "point"], "metrics": ["iou"]},
        "one-model": {"datasets": ["test"], "models": ["b"], "prompts": ["box"], "metrics": ["recall"]},
    },
    "comparisons": {
        "pairs": {
            "experiments": ["two-models", "one-model"],
            "metrics": ["iou", "recall"],
            "pairs": [
                {"candidate": {"model": "a", "prompts": "box"}, "baseline": {"model": "b", "prompts": "box"}},
                {"candidate": {"model": "b", "prompts": "box"}, "baseline": {"model": "b", "prompts": "point"}},
            ],
        },
        "baseline": {
            "experiments": ["two-models"],
            "metrics": ["iou"],
            "baseline": {"model": "b", "prompts": "box"},
        },
    },
    "figures": {
        "masks": {"dataset": "test", "spatial": {"model": "b", "prompts": "box"}, "images": 3},
        "plain": {"experiments": ["two-models", "one-model"], "metrics": ["iou", "recall"]},
        "data": {"dataset": "test", "images": 3},
    },
    "tables": {"all": {"experiments": ["one-model"]}, "none": {"title": "x", "note": None}},
}


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    return file


@pytest.mark.parametrize("selection", ["a,c", "a, c", ["a", "c"]])
def test_ids_on_the_command_line_replace_the_section_models(config_file, selection) -> None:
    config, selections = read_selections({**CONFIG, "models": selection}, [config_file], config_file.parent)
    assert (config, selections) == (CONFIG, {"models": ("a", "c"), "experiments": None})


def test_without_a_selection_the_configuration_stays(config_file) -> None:
    expected = {"models": None, "experiments": None}
    assert read_selections(CONFIG, [config_file], config_file.parent) == (CONFIG, expected)


def test_an_unknown_model(config_file) -> None:
    with pytest.raises(UserError, match="names 'aa'"):
        read_selections({**CONFIG, "models": "aa"}, [config_file], config_file.parent)


def test_a_selection_reads_all_configuration_files_and_their_catalogs(tmp_path) -> None:
    (tmp_path / "catalog.yaml").write_text("models: {shared: {family: shape, shape: box}}\n", encoding="utf-8")
    (tmp_path / "first.yaml").write_text("models: {a: {family: sam2, weights: {path: a.pt}}}\n", encoding="utf-8")
    (tmp_path / "second.yaml").write_text("models: {a: {weights: {path: b.pt}}}\n", encoding="utf-8")
    config, selections = read_selections(
        {"models": "a,shared", "catalogs": ["catalog.yaml"]},
        [tmp_path / "first.yaml", tmp_path / "second.yaml"],
        tmp_path,
    )
    assert selections["models"] == ("a", "shared")
    assert config["models"] == {
        "a": {"family": "sam2", "weights": {"path": "b.pt"}},
        "shared": {"family": "shape", "shape": "box"},
    }


def test_entries_that_need_another_model_are_removed() -> None:
    config = restrict(CONFIG, {"models": ("a",)})
    assert config["experiments"] == {"two-models": {**CONFIG["experiments"]["two-models"], "models": ["a"]}}
    # The baseline's model is not selected, and a pair of one model is not left of the pairs of two.
    assert config["comparisons"] == {}
    assert config["figures"] == {
        "plain": {"experiments": ["two-models"], "metrics": ["iou"]},
        "data": CONFIG["figures"]["data"],
    }
    assert config["tables"] == {"none": CONFIG["tables"]["none"]}
    assert config["models"] == CONFIG["models"]


def test_a_comparison_keeps_the_pairs_of_the_selected_models() -> None:
    config = restrict(CONFIG, {"models": ("b",)})
    assert config["comparisons"]["pairs"]["pairs"] == CONFIG["comparisons"]["pairs"]["pairs"][1:]
    assert config["comparisons"]["baseline"] == CONFIG["comparisons"]["baseline"]
    assert config["figures"] == CONFIG["figures"]


def test_experiments_on_the_command_line_replace_the_section(config_file) -> None:
    config, selections = read_selections({**CONFIG, "experiments": "one-model"}, [config_file], config_file.parent)
    assert config == CONFIG and selections == {"models": None, "experiments": ("one-model",)}
    with pytest.raises(UserError, match="experiments=one-modle names 'one-modle'; did you mean 'one-model'"):
        read_selections({**CONFIG, "experiments": "one-modle"}, [config_file], config_file.parent)


def test_models_and_experiments_are_selected_together(config_file) -> None:
    given = {**CONFIG, "models": "b", "experiments": "two-models"}
    config, selections = read_selections(given, [config_file], config_file.parent)
    assert config == CONFIG
    restricted = restrict(config, selections)
    assert restricted["experiments"] == {"two-models": {**CONFIG["experiments"]["two-models"], "models": ["b"]}}
    with pytest.raises(UserError, match="no experiment of one-model has one of the models a; select others"):
        restrict(CONFIG, {"models": ("a",), "experiments": ("one-model",)})


def test_entries_that_need_another_experiment_are_removed() -> None:
    config = restrict(CONFIG, {"experiments": ("one-model",)})
    assert config["experiments"] == {"one-model": CONFIG["experiments"]["one-model"]}
    assert config["comparisons"] == {}
    assert config["figures"] == {
        "masks": CONFIG["figures"]["masks"],
        "plain": {"experiments": ["one-model"], "metrics": ["recall"]},
        "data": CONFIG["figures"]["data"],
    }
    assert config["tables"] == CONFIG["tables"]
    assert config["models"] == CONFIG["models"]


def test_a_comparison_keeps_the_pairs_that_the_selected_experiments_measure() -> None:
    config = restrict(CONFIG, {"experiments": ("two-models",)})
    assert config["comparisons"]["pairs"] == {
        **CONFIG["comparisons"]["pairs"],
        "experiments": ["two-models"],
        "metrics": ["iou"],
    }
    pairs = CONFIG["comparisons"]["pairs"]["pairs"]
    named = [{side: {**cell, "dataset": name} for side, cell in pairs[0].items()} for name in ("test", "learn")]
    entry = {**CONFIG["comparisons"]["pairs"], "pairs": named}
    config = restrict({**CONFIG, "comparisons": {"named": entry}}, {"experiments": ("two-models",)})
    assert config["comparisons"]["named"]["pairs"] == named[:1]


def test_figures_of_masks_or_images_that_no_selected_experiment_has_are_removed() -> None:
    figures = {
        "unmeasured": {"dataset": "test", "spatial": {"model": "a", "prompts": "box"}, "images": 3},
        "elsewhere": {"dataset": "learn", "images": 3},
        "facts": {"title": "no data set"},
    }
    config = restrict({**CONFIG, "figures": figures}, {"experiments": ("one-model",)})
    assert config["figures"] == {"facts": figures["facts"]}


def test_a_figure_keeps_the_lanes_of_the_selected_models() -> None:
    cells = {model: {"dataset": "test", "model": model, "prompts": "box"} for model in ("a", "b")}
    lanes = {"experiments": ["two-models"], "metrics": ["iou"], "lanes": {"spatial": cells["a"], "concept": cells["b"]}}
    config = {**CONFIG, "figures": {"lanes": lanes}}
    assert restrict(config, {"models": ["a"]})["figures"]["lanes"]["lanes"] == {"spatial": cells["a"]}
    assert restrict(config, {"models": ["a", "b"]})["figures"]["lanes"] == lanes
    assert restrict(config, {"experiments": ("one-model",)})["figures"] == {}
    only_concept = {**CONFIG, "figures": {"lanes": {**lanes, "lanes": {"concept": cells["b"]}}}}
    assert restrict(only_concept, {"models": ["a"]})["figures"] == {}


def test_a_selection_without_any_experiment_is_an_error() -> None:
    assert restrict(CONFIG, {"models": None, "experiments": None}) == CONFIG
    with pytest.raises(UserError, match="no experiment has one of the models c"):
        restrict(CONFIG, {"models": ("c",)})


def test_downloads_include_the_data_that_a_used_model_is_trained_on() -> None:
    assert list_downloads(CONFIG) == {
        "archives": ["one", "three", "two"],
        "datasets": ["learn", "test", "watch"],
        "models": ["a", "d"],  # the training `first` starts from the weights of `d`
    }
    assert list_downloads(restrict(CONFIG, {"models": ("a",)})) == {
        "archives": ["one", "two"],
        "datasets": ["test"],
        "models": ["a"],
    }


def test_models_are_selected_from_a_file_of_json(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(CONFIG, indent="\t"), encoding="utf-8")
    config, selections = read_selections({**CONFIG, "models": "a"}, [file], tmp_path)
    assert (config["models"], selections["models"]) == (CONFIG["models"], ("a",))


def test_downloads_include_the_sources_of_data_sets() -> None:
    datasets = {**CONFIG["datasets"], "copies": {"source": "learn"}}
    experiments = {"x": {"datasets": ["copies"], "models": ["c"], "prompts": ["box"], "metrics": ["iou"]}}
    config = {**CONFIG, "datasets": datasets, "experiments": experiments, "figures": {}, "thresholds": None}
    downloads = list_downloads(config)
    assert downloads["datasets"] == ["copies", "learn"]
    assert downloads["archives"] == sorted(CONFIG["datasets"]["learn"]["archives"].values())
