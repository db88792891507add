"""Ids that an entry names must exist."""

import pytest

from samgap.config.validate import validate_config
from tests.helpers.small_config import change, get_error

COPIES = {"kind": "augmented", "source": "orchards", "transforms": {"flip": {"flip": {}}}}


@pytest.mark.parametrize(
    ("key_path", "value", "parts"),
    [
        ("datasets/apples/archives/images", "picture", ["datasets.apples.archives.images", "'picture'", "'pictures'?"]),
        ("datasets/copies", COPIES, ["datasets.copies.source", "'orchards'", "'orchard'?"]),
        ("models/words/weights/training", "leran", ["models.words.weights.training", "'leran'", "'learn'?"]),
        ("experiments/boxes/datasets", ["orchid"], ["experiments.boxes.datasets", "'orchid'", "'orchard'?"]),
        ("experiments/boxes/models", ["smal"], ["experiments.boxes.models", "'smal'", "'small'?"]),
        ("experiments/boxes/prompts", ["boxes"], ["experiments.boxes.prompts", "'boxes'", "'box'?"]),
        ("figures/sides/dataset", "apple", ["figures.sides.dataset", "'apple'", "'apples'?"]),
        ("figures/sides/spatial/model", "smal", ["figures.sides.spatial.model", "'smal'", "'small'?"]),
        ("figures/sides/concept/prompts", "concept", ["figures.sides.concept.prompts", "'concepts'?"]),
        ("figures/sides/concept/phrase", "leave", ["figures.sides.concept.phrase is 'leave'", "prompts.concepts"]),
        ("figures/sides/metrics", ["iou"], ["figures.sides.metrics names 'iou'", "none of its experiments"]),
        ("tables/results/experiments", ["box"], ["tables.results.experiments", "'box'", "experiments"]),
        ("trainings/learn/model", "word", ["trainings.learn.model", "'word'", "'words'?"]),
        ("trainings/learn/dataset", "orchards", ["trainings.learn.dataset", "'orchards'", "'orchard'?"]),
        ("trainings/learn/mix", [{"dataset": "apple", "share": 0.3}], ["trainings.learn.mix", "'apple'", "'apples'?"]),
        ("trainings/learn/start", "lear", ["trainings.learn.start", "'lear'", "'learn'?"]),
    ],
)
def test_an_unknown_id_is_one_line_with_its_key(repository, key_path, value, parts):
    message = get_error(change(key_path, value), repository)
    for part in parts:
        assert part in message


LANES = """OPTIONS = {"properties": {"lanes": {"description": "The cells.", "$ref": "#/$defs/drawn-lanes"}}}
"""


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ({"model": "smal"}, ["figures.sides.lanes.spatial.model", "'smal'", "'small'?"]),
        ({"dataset": "orchid"}, ["figures.sides.lanes.spatial.dataset", "'orchid'", "'orchard'?"]),
        ({"prompts": "boxes"}, ["figures.sides.lanes.spatial.prompts", "'boxes'", "'box'?"]),
        ({"dataset": "more"}, ["figures.sides.lanes.spatial (more, small, box) is in none", "experiments boxes;"]),
    ],
)
def test_a_lane_is_a_cell_of_the_experiments_of_its_figure(repository, cell, parts):
    (repository / "src/samgap/paper/figures/sides.py").write_text(LANES, encoding="utf-8")
    lanes = {"spatial": {"dataset": "orchard", "model": "small", "prompts": "box"} | cell}
    entry = {"number": "Figure 3", "title": "Lanes", "experiments": ["boxes"], "lanes": lanes}
    message = get_error(change("figures/sides", entry), repository)
    for part in parts:
        assert part in message


def test_a_lane_of_an_experiment_is_valid(repository):
    (repository / "src/samgap/paper/figures/sides.py").write_text(LANES, encoding="utf-8")
    lanes = {"spatial": {"dataset": "orchard", "model": "small", "prompts": "box"}}
    entry = {"number": "Figure 3", "title": "Lanes", "experiments": ["boxes"], "lanes": lanes}
    validate_config(change("figures/sides", entry), repository)
