"""Data sets that are made from another one."""

import pytest

from samgap.config.sources import list_sources, validate_sources
from samgap.errors import UserError
from tests.helpers.small_config import change, get_error

DATASETS = {
    "scenes": {"exhaustive": True},
    "copies": {"source": "scenes", "exhaustive": True},
    "copies-of-copies": {"source": "copies", "exhaustive": True},
}


def test_the_sources_of_a_data_set_are_listed_from_the_nearest_on():
    assert list_sources(DATASETS, "copies-of-copies") == ["copies", "scenes"]
    assert list_sources(DATASETS, "scenes") == []
    validate_sources(DATASETS)


@pytest.mark.parametrize(
    ("source", "chain"),
    [("scenes", "scenes from scenes"), ("copies-of-copies", "scenes from copies-of-copies from copies from scenes")],
)
def test_a_data_set_that_would_be_made_from_itself_is_refused(source, chain):
    datasets = {**DATASETS, "scenes": {"source": source, "exhaustive": True}}
    with pytest.raises(UserError, match=rf"datasets\.scenes\.source: it would be made from itself \({chain}\)"):
        validate_sources(datasets)


def test_labels_that_the_source_lacks_are_admitted():
    datasets = {**DATASETS, "scenes": {"exhaustive": False}}
    with pytest.raises(UserError, match=r"datasets\.copies\.exhaustive is true, but its source scenes lacks labels"):
        validate_sources(datasets)
    datasets = {name: {**entry, "exhaustive": False} for name, entry in DATASETS.items()}
    validate_sources(datasets)


@pytest.mark.parametrize(
    ("transforms", "message"),
    [
        ({"none": {"flip": {}}}, "transforms has 'none', which is the original; choose another name"),
        (
            {"x": {"spin": {}}},
            "unknown key 'spin' in datasets.copies.transforms.x; there is affine, blur, colour, crop",
        ),
        ({"x": {"flip": {}, "grey": {}}}, "transforms.x is {'flip': {}, 'grey': {}}, which maxProperties 1"),
        ({"x": {"crop": {}}}, "transforms.x.crop lacks the key 'area'"),
        ({"x": {"colour": {"bright": 1}}}, "unknown key 'bright' in datasets.copies.transforms.x.colour"),
    ],
)
def test_a_wrong_transform_is_one_line_with_its_key(repository, transforms, message):
    entry = {"kind": "augmented", "source": "orchard", "transforms": transforms}
    assert message in get_error(change("datasets/copies", entry), repository)
