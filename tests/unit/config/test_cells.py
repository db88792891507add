"""Cells of experiments and figures, and the entries that they use."""

from samgap.config.cells import list_cells, list_referenced_ids
from samgap.config.validate import validate_config
from tests.helpers.small_config import CONFIG, change


def test_a_data_set_of_a_figure_without_models_is_used_but_has_no_cell(repository):
    entry = {"number": "1", "title": "x", "dataset": "third", "images": 2, "attributes": ["ripeness"]}
    config = validate_config(change("figures/sides", entry), repository)
    assert list_referenced_ids(config, "datasets") == ["orchard", "third"]
    assert {dataset for dataset, _, _ in list_cells(config)} == {"orchard"}


def test_cells_of_experiments_and_figures(repository):
    config = validate_config(CONFIG, repository)
    assert list_cells(config) == [
        ("apples", "small", "point"),
        ("apples", "words", "concepts"),
        ("orchard", "ellipse", "box"),
        ("orchard", "small", "box"),
    ]
    assert list_referenced_ids(config, "datasets") == ["apples", "orchard"]
    assert list_referenced_ids(config, "models") == ["ellipse", "small", "words"]
    assert list_referenced_ids(config, "prompts") == ["box", "concepts", "point"]


def test_the_source_of_a_used_data_set_is_used_but_has_no_cell():
    datasets = {"scenes": {}, "copies": {"source": "scenes"}, "more": {"source": "copies"}, "other": {}}
    experiment = {"datasets": ["more"], "models": ["a"], "prompts": ["box"]}
    config = {"datasets": datasets, "models": {"a": {}}, "experiments": {"x": experiment}}
    assert list_referenced_ids(config, "datasets") == ["copies", "more", "scenes"]
    assert list_cells(config) == [("more", "a", "box")]
