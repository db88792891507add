"""The option `subset` fits the kind of its prompts, and both cells of a pair have the same."""

import copy

import pytest

from samgap.config.validate import validate_config
from tests.helpers.small_config import CONFIG, change, get_error


@pytest.mark.parametrize(
    ("key_path", "value", "parts"),
    [
        ("prompts/concepts/subset", {"instances": 5}, ["prompts.concepts.subset", "kind phrases", "write `images`"]),
        ("prompts/box/subset", {"images": 0}, ["prompts.box.subset.images is 0"]),
        ("prompts/box/subset", {"images": 3, "instances": 5}, ["prompts.box.subset"]),
        ("prompts/box/subset", {}, ["prompts.box.subset"]),
        ("prompts/box/subset", {"photos": 3}, ["prompts.box.subset", "photos"]),
    ],
)
def test_a_subset_that_does_not_fit_is_one_line(repository, key_path, value, parts):
    message = get_error(change(key_path, value), repository)
    assert all(part in message for part in parts)


def compare(subset_of_box, subset_of_point):
    """Return the configuration with a comparison of boxes and points, each with a subset or None."""
    config = copy.deepcopy(CONFIG)
    for name, subset in (("box", subset_of_box), ("point", subset_of_point)):
        config["prompts"][name] = {"kind": name} | ({} if subset is None else {"subset": subset})
    config["experiments"]["boxes"] |= {"models": ["small"], "prompts": ["box", "point"]}
    config["comparisons"] = {
        "sides": {
            "title": "Sides",
            "experiments": ["boxes"],
            "metrics": ["iou"],
            "baseline": {"model": "small", "prompts": "box"},
        }
    }
    return config


@pytest.mark.parametrize("subsets", [(None, {"images": 5}), ({"images": 5}, {"images": 6}), ({"instances": 5}, None)])
def test_cells_of_different_images_are_not_compared(repository, subsets):
    message = get_error(compare(*subsets), repository)
    assert "comparisons.sides compares prompts 'point' and 'box' with different `subset`" in message


@pytest.mark.parametrize("subset", [None, {"images": 5}, {"instances": 5}])
def test_cells_of_the_same_sample_are_compared(repository, subset):
    config = validate_config(compare(subset, subset), repository)
    assert config["prompts"]["point"].get("subset") == subset
