"""What prompt sets share: the rows of phrases, the table, and prompts that cannot be asked."""

import pytest

from samgap.errors import UserError
from samgap.prompts import box, phrases, write
from samgap.tables.prompts import PROMPTS

PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "ripe apple", "noun": "apple", "attributes": {"ripeness": "ripe"}},
    {"phrase": "orange", "noun": "orange"},
    {"phrase": "plum", "noun": "plum"},
    {"phrase": "shiny apple", "noun": "apple", "attributes": {"gloss": "high"}},
    {"phrase": "leaf", "other": True},
]


def test_each_instance_but_the_ignored_gets_one_box(truth, seed):
    rows = list(box.generate_prompts(truth, {}, seed))
    assert [row["truth_ids"] for row in rows] == [[10], [11], [13]]
    assert rows[1]["boxes"] == [{"x0": 25, "y0": 15, "x1": 30, "y1": 20, "label": 1}]


def test_phrases_know_positives_negatives_and_what_cannot_be_known(truth, seed):
    rows = {
        (row["image_id"], row["phrase"]): row for row in phrases.generate_prompts(truth, {"phrases": PHRASES}, seed)
    }
    assert rows[1, "apple"]["truth_ids"] == [10, 11]
    assert rows[1, "ripe apple"]["truth_ids"] == [10]
    assert rows[1, "orange"]["truth_ids"] == []
    assert rows[2, "apple"]["truth_ids"] == []
    assert rows[1, "plum"]["truth_ids"] is None  # its noun is not labelled
    assert rows[1, "shiny apple"]["truth_ids"] is None  # its attribute is not labelled
    assert rows[1, "leaf"]["truth_ids"] is None and rows[1, "leaf"]["kind"] == "other"


def test_the_table_keeps_empty_and_null_apart_and_every_tag(truth, seed, tmp_path):
    told = {"phrase": "not ripe apples", "noun": "apple", "without": {"ripeness": "ripe"}, "seen": False}
    told |= {"concept": "unripe", "level": "simple"}
    asked = [*PHRASES, told]
    write.write_prompts(tmp_path / "p.parquet", phrases.generate_prompts(truth, {"phrases": asked}, seed), truth, {})
    table = PROMPTS.read(tmp_path / "p.parquet").set_index("prompt_id")
    assert table.index.is_unique and len(table) == 2 * len(asked)
    assert list(table.loc["1-3", "truth_ids"]) == []
    assert table.loc["1-4", "truth_ids"] is None
    assert list(table["polarity"])[:7] == ["positive"] * 6 + ["negated"]
    row = table.loc["1-7"]
    assert list(row["truth_ids"]) == [11] and list(row["nouns"]) == ["apple"]
    assert dict(row["without"]) == {"ripeness": "ripe"} and row["attributes"] is None
    assert (row["seen"], row["concept"], row["level"]) == (False, "unripe", "simple")
    assert dict(table.loc["1-2", "attributes"]) == {"ripeness": "ripe"}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ([PHRASES[0], {"phrase": " \t", "noun": "apple"}], "phrase 2 of the prompt set is empty"),
        ([PHRASES[0], {"phrase": " apple ", "noun": "pear"}], "the phrase 'apple' stands twice"),
    ],
)
def test_a_list_with_an_empty_phrase_or_one_twice_is_refused(truth, seed, asked, message):
    with pytest.raises(UserError, match=message):
        list(phrases.generate_prompts(truth, {"phrases": asked}, seed))


NAN = float("nan")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"kind": "point", "points": [{"x": 30.0, "y": 1.0, "label": 1}]}, "point (30.0, 1.0) lies outside"),
        ({"kind": "point", "points": [{"x": 3.0, "y": NAN, "label": 1}]}, "point (3.0, nan) lies outside"),
        (
            {"kind": "box", "boxes": [{"x0": 1, "y0": 1, "x1": 31, "y1": 5}]},
            "box (1, 1, 31, 5) is empty or lies outside",
        ),
        ({"kind": "box", "boxes": [{"x0": 5, "y0": 1, "x1": 5, "y1": 5}]}, "is empty or lies outside"),
        ({"kind": "box", "boxes": [{"x0": NAN, "y0": 1, "x1": 5, "y1": 5}]}, "is empty or lies outside"),
        ({"kind": "phrase", "phrase": "  "}, "an empty phrase"),
    ],
)
def test_a_prompt_that_cannot_be_asked_stops_with_one_line_and_no_file(truth, tmp_path, row, message):
    with pytest.raises(UserError, match="1.png") as caught:
        write.write_prompts(tmp_path / "p.parquet", [{"image_id": 1, "truth_ids": [10], **row}], truth, {})
    assert message in str(caught.value)
    assert not list(tmp_path.iterdir())
