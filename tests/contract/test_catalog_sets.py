"""The phrase lists of the catalog: number, meaning and nouns of their phrases."""

from pathlib import Path

import pytest
import yaml

from samgap.annotations.ground_truth import GroundTruth
from samgap.annotations.phrases import get_nouns
from samgap.config.yaml_files import load_entry_files
from samgap.prompts import phrases, templates, track
from samgap.prompts.seed import Seed

ROOT = Path(__file__).parents[2]
CATALOG = load_entry_files(yaml.safe_load((ROOT / "config/prompts.yaml").read_text(encoding="utf-8")), ROOT)["prompts"]
IMAGE = {"file_name": "1.png", "width": 30, "height": 20, "group": "1"}
TRUTH = GroundTruth({1: IMAGE}, {}, frozenset({"apple", "pear", "orange", "logo"}), {})
KINDS = {"phrases": phrases, "templates": templates}


def make_rows(name, truth=TRUTH):
    options = CATALOG[name]
    return list(KINDS[options["kind"]].generate_prompts(truth, options, Seed(42, "orchard")))


@pytest.mark.parametrize(
    ("name", "n_words", "n_all"), [("pairs", 2, 165), ("triples", 3, 575), ("combinations", 4, 750)]
)
def test_combinations_have_as_many_words_of_different_attributes(name, n_words, n_all):
    options = CATALOG[name]
    expanded = templates.expand_templates(options)
    assert len(expanded) == n_all
    rows = make_rows(name)
    assert len({row["phrase"] for row in rows}) == len(rows) == options["sample"] == 50
    for row in rows:
        # Each word requires or excludes a value of its own attribute.
        names = [*(row["attributes"] or {}), *(row["without"] or {})]
        assert len(names) == len(set(names)) == n_words
        assert row["nouns"] == ["apple"] and row["phrase"].endswith(" apple")


def test_a_second_meaning_is_of_another_noun_or_not_annotated():
    rows = {row["phrase"]: row for row in make_rows("polysemy")}
    assert len(rows) == 13
    assert rows["apple"]["truth_ids"] == rows["apple logo"]["truth_ids"] == []
    assert rows["apple logo"]["nouns"] == ["logo"]
    # Without `absent`, the labels do not say that there is no computer.
    assert rows["apple computer"]["truth_ids"] is None
    assert {phrase for phrase, row in rows.items() if row["kind"] == "other"} == {
        "orange colour", "crown", "bark", "trunk",
    }  # fmt: skip


def test_names_in_other_languages_are_paraphrases_that_trainings_do_not_use():
    rows = make_rows("languages")
    entries = {row["phrase"]: (row["nouns"], row["concept"], row["seen"]) for row in rows}
    assert len(entries) == len(rows) == 18
    for phrase in ("manzana", "Apfel", "pomme", "jabłko"):
        assert entries[phrase] == (["apple"], "apple", False)
    assert entries["apple"] == (["apple"], "apple", True)
    assert all([concept] == nouns for nouns, concept, _ in entries.values())
    assert {phrase for phrase, (_, _, seen) in entries.items() if seen} == {"apple", "pear", "orange"}


def test_every_list_of_the_catalog_has_a_row_for_each_phrase():
    for name, options in CATALOG.items():
        if options["kind"] == "phrases":
            rows = make_rows(name)
            assert [row["phrase"] for row in rows] == [phrase["phrase"] for phrase in options["phrases"]]
            assert all(row["nouns"] == (list(get_nouns(phrase)) or None)
                       for row, phrase in zip(rows, options["phrases"], strict=True))  # fmt: skip


def test_the_tracks_show_a_box_a_point_or_both():
    shown = {name: options.get("show", "box") for name, options in CATALOG.items() if options["kind"] == "track"}
    assert shown == {"track": "box", "track-point": "point", "track-point-box": "point-box"}
    assert set(shown.values()) == set(track.OPTIONS["properties"]["show"]["enum"])
