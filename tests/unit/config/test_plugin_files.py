"""An id without its file is an error."""

import pytest

from samgap.config.validate import validate_config
from tests.helpers.small_config import change, get_error


@pytest.mark.parametrize(
    ("key_path", "value", "parts"),
    [
        (
            "datasets/orchard",
            {"kind": "cocoa", "path": "labels", "absent": ["pear"]},
            ["datasets.orchard.kind names 'cocoa'", "src/samgap/datasets/cocoa.py", "did you mean 'coco'?"],
        ),
        (
            "datasets/orchard",
            {"kind": "minneapple-layout", "path": "no/such/folder"},
            ["datasets.orchard.path is no/such/folder", "does not exist", "https://"],
        ),
        ("trainings/learn/method", "sam3-dens", ["trainings.learn.method names 'sam3-dens'", "'sam3-dense'?"]),
        ("datasets/x", {"kind": "orchards"}, ["datasets.x.kind", "'orchards'", "src/samgap/datasets/orchards.py"]),
        ("datasets/x", {"kind": "write"}, ["datasets.x.kind", "src/samgap/datasets/write.py"]),
        ("prompts/x", {"kind": "scribble"}, ["prompts.x.kind", "src/samgap/prompts/scribble.py"]),
        ("models/x", {"family": "sam-4"}, ["models.x.family", "'sam-4'", "src/samgap/models/sam_4.py"]),
        ("experiments/boxes/metrics", ["f1-75"], ["metrics", "'f1-75'", "src/samgap/metrics/f1_75.py", "'f1-50'?"]),
        ("experiments/boxes/metrics", ["f1-iou-50"], ["metrics", "`f1-iou-50` is dropped", "write `f1-50`"]),
        ("figures/side", {"number": "1", "title": "x"}, ["figures", "'side'", "src/samgap/paper/figures/side.py"]),
        ("tables/result", {"number": "1", "title": "x"}, ["tables", "'result'", "src/samgap/paper/tables/result.py"]),
    ],
)
def test_an_id_or_a_path_without_its_file_is_one_line(repository, key_path, value, parts):
    message = get_error(change(key_path, value), repository)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("key_path", ["figures/sides", "tables/results"])
def test_a_figure_or_table_that_the_configuration_does_not_name_is_no_error(repository, key_path):
    section, id = key_path.split("/")
    assert id not in validate_config(change(key_path, ...), repository)[section]
