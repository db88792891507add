"""Colours, letters and texts of annotated instances."""

import pytest

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.paper import style
from samgap.paper.attribute_key import OTHER_COLOUR, AttributeKey


def make_instance(instance_id, noun="apple", **attributes):
    return Instance(instance_id, 1, noun, (0, 0, 1, 1), 1, None, attributes)


APPLES = [
    make_instance(1, ripeness="ripe", health="healthy"),
    make_instance(2, ripeness="unripe", health="healthy"),
    make_instance(3, ripeness="ripe", health="diseased"),
    make_instance(4, ripeness="ripe", health="dented"),
]
PEAR = make_instance(5, "pear")
ATTRIBUTES = {"ripeness": ("ripe", "unripe"), "health": ("diseased", "healthy", "dented")}


@pytest.fixture
def make_key():
    """Function that returns the key of the instances for some attributes."""
    truth = GroundTruth({1: {}}, {1: [*APPLES, PEAR]}, frozenset({"apple", "pear"}), ATTRIBUTES)
    return lambda *attributes: AttributeKey(truth, attributes)


def test_the_first_attribute_is_the_colour(make_key):
    key = make_key("ripeness")
    assert key.colours == {"ripe": style.INSTANCE_COLOURS[0], "unripe": style.INSTANCE_COLOURS[1]}
    colours = [key.outline_colour(instance, 0) for instance in (*APPLES[:2], PEAR)]
    assert colours == [*style.INSTANCE_COLOURS[:2], OTHER_COLOUR]


def test_the_second_attribute_is_a_letter_except_for_its_most_frequent_value(make_key):
    key = make_key("ripeness", "health")
    assert key.most_frequent == "healthy"
    # "dented" begins with the letter of "diseased", so it gets its next letter.
    assert key.letters == {"diseased": "D", "dented": "E"}
    assert [key.outline_text(instance) for instance in (*APPLES, PEAR)] == ["", "", "D", "E", "pear"]


def test_without_attributes_the_index_chooses_the_colour(make_key):
    key = make_key()
    assert [key.outline_colour(APPLES[0], index) for index in (0, 1)] == [
        style.instance_colour(0),
        style.instance_colour(1),
    ]
    assert key.outline_text(PEAR) == ""


def test_the_legend_lists_colours_and_letters(make_key):
    labels = [handle.get_label() for handle in make_key("ripeness", "health").legend_handles()]
    assert labels == ["ripe", "unripe", "without ripeness", "ignored", "D  diseased", "E  dented"]
