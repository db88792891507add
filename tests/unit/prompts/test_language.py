"""Words of phrases that are nearly labels are told; other words may name what a data set does not label."""

import pytest

from samgap.annotations.ground_truth import GroundTruth
from samgap.prompts.language import find_slips, make_phrase_rows

TRUTH = GroundTruth({}, {}, frozenset({"apple", "pear"}), {"ripeness": ("ripe", "green"), "colour": ("red",)})


@pytest.mark.parametrize(
    ("phrase", "warnings"),
    [
        ({"attributes": {"ripeness": "Ripe"}}, ["has the ripeness Ripe, which is not labelled (did you mean ripe?)"]),
        ({"without": {"ripeness": "gren"}}, ["has the ripeness gren, which is not labelled (did you mean green?)"]),
        ({"attributes": {"color": "red"}}, ["names the attribute color, which is not labelled (did you mean colour?)"]),
        ({"noun": "Apple"}, ["has the noun Apple, which is not labelled (did you mean apple?)"]),
        ({"without": {"noun": "pears"}}, ["has the noun pears, which is not labelled (did you mean pear?)"]),
        ({"attributes": {"ripeness": "unripe"}}, []),
        ({"attributes": {"ripeness": "ripe"}}, []),
        ({"attributes": {"health": "damaged"}}, []),
        ({"noun": "orange"}, []),
        ({"other": True}, []),
    ],
)
def test_a_word_that_is_nearly_a_label_is_told(phrase, warnings):
    found = list(find_slips({"phrase": "p", "noun": "apple", **phrase}, TRUTH))
    assert found == [f"{warning}: not evaluable" for warning in warnings]


def test_each_phrase_is_told_once(caplog):
    truth = GroundTruth({1: {}, 2: {}}, {}, TRUTH.nouns, TRUTH.attributes)
    rows = list(make_phrase_rows(truth, [{"phrase": "Ripe one", "noun": "apple", "attributes": {"ripeness": "Ripe"}}]))
    assert [row["truth_ids"] for row in rows] == [None, None]
    (record,) = caplog.records
    assert record.getMessage().startswith("warning: the phrase 'Ripe one' has the ripeness Ripe")
