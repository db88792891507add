"""Rows of phrases: positives, negatives and phrases that are not evaluable."""

from dataclasses import replace

import pytest

from samgap.errors import UserError
from samgap.prompts import phrases, write
from samgap.tables.prompts import PROMPTS

PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "ripe apple", "noun": "apple", "attributes": {"ripeness": "ripe"}},
    {"phrase": "orange", "noun": "orange"},
    {"phrase": "plum", "noun": "plum"},
    {"phrase": "shiny apple", "noun": "apple", "attributes": {"gloss": "high"}},
    {"phrase": "leaf", "other": True},
]


def test_truth_ids_of_positive_negative_and_not_evaluable_phrases(truth, seed):
    rows = {
        (row["image_id"], row["phrase"]): row for row in phrases.generate_prompts(truth, {"phrases": PHRASES}, seed)
    }
    assert rows[1, "apple"]["truth_ids"] == [10, 11]
    assert rows[1, "ripe apple"]["truth_ids"] == [10]
    assert rows[1, "orange"]["truth_ids"] == []
    assert rows[2, "apple"]["truth_ids"] == []
    assert rows[1, "plum"]["truth_ids"] is None  # the noun is not labelled
    assert rows[1, "shiny apple"]["truth_ids"] is None  # the attribute is not labelled
    assert rows[1, "leaf"]["truth_ids"] is None and rows[1, "leaf"]["kind"] == "other"


def test_the_table_distinguishes_empty_from_null_and_has_all_tags(truth, seed, tmp_path):
    negated = {"phrase": "not ripe apples", "noun": "apple", "without": {"ripeness": "ripe"}, "seen": False}
    negated |= {"concept": "unripe", "level": "simple"}
    options = {"phrases": [*PHRASES, negated]}
    write.write_prompts(tmp_path / "p.parquet", phrases.generate_prompts(truth, options, seed), truth, {})
    table = PROMPTS.read(tmp_path / "p.parquet").set_index("prompt_id")
    assert table.index.is_unique and len(table) == 2 * len(options["phrases"])
    assert list(table.loc["1-3", "truth_ids"]) == []
    assert table.loc["1-4", "truth_ids"] is None
    assert list(table["polarity"])[:7] == ["positive"] * 6 + ["negated"]
    row = table.loc["1-7"]
    assert list(row["truth_ids"]) == [11] and list(row["nouns"]) == ["apple"]
    assert dict(row["without"]) == {"ripeness": "ripe"} and row["attributes"] is None
    assert (row["seen"], row["concept"], row["level"]) == (False, "unripe", "simple")
    assert dict(table.loc["1-2", "attributes"]) == {"ripeness": "ripe"}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([PHRASES[0], {"phrase": " \t", "noun": "apple"}], "phrase 2 of the prompt set is empty"),
        ([PHRASES[0], {"phrase": " apple ", "noun": "pear"}], "the phrase 'apple' is in the prompt set twice"),
    ],
)
def test_an_empty_or_duplicated_phrase_raises_a_one_line_error(truth, seed, entries, message):
    with pytest.raises(UserError, match=message):
        list(phrases.generate_prompts(truth, {"phrases": entries}, seed))


def test_phrases_of_lost_labels_are_marked(truth, seed, tmp_path):
    incomplete = replace(truth, images={1: truth.images[1], 2: {**truth.images[2], "incomplete": ["apple"]}})
    rows = phrases.generate_prompts(incomplete, {"phrases": PHRASES}, seed)
    write.write_prompts(tmp_path / "prompts.parquet", rows, incomplete, {})
    table = PROMPTS.read(tmp_path / "prompts.parquet")
    lost = table[table["lost_labels"].astype(bool)]
    assert list(zip(lost["image_id"], lost["phrase"], strict=True)) == [(2, "apple"), (2, "ripe apple"), (2, "leaf")]
    assert lost["truth_ids"].isna().all()
    assert table.set_index(["image_id", "phrase"]).at[(2, "orange"), "truth_ids"].tolist() == []
