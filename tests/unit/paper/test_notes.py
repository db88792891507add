from samgap.paper import notes


def test_a_shortened_note_loses_its_brackets_and_is_cut_at_the_last_line():
    note = "skipped: weights not available (facebook/sam3 is gated: ask for access)"
    assert notes.shorten_note(note, 16) == "skipped: weights\nnot available"
    shortened = notes.shorten_note("not evaluable: " + "word " * 20, 20, 2)
    assert shortened.endswith("…")
    assert all(len(line) <= 20 for line in shortened.splitlines())


def test_the_kind_of_a_note_is_before_its_colon():
    assert notes.note_kind("skipped: weights not available") == "skipped"
    assert notes.note_kind("not evaluable: no labels") == "not evaluable"
    assert notes.format_note(None).startswith("no value")


def test_footnotes_have_one_letter_for_each_text_in_order():
    footnotes = notes.Footnotes()
    assert [footnotes.add(text) for text in ("x", "y", "x")] == ["a", "b", "a"]
    assert footnotes.entries() == [("a", "x"), ("b", "y")]
    assert [footnotes.add(str(number)) for number in range(26)][-3:] == ["z", "a2", "b2"]


def test_lost_labels_are_described_with_their_reasons():
    card = {
        **{"dataset": "mine", "n_annotations_read": 1800, "n_incomplete_images": 9},
        "left_out": {"of an unknown category are left out": 1, "with an invalid polygon are ignored": 11},
    }
    assert notes.describe_left_out(card) == (
        "Data set mine: 12 of 1,800 annotations could not be used: 1 of an unknown category are left out; 11 with an "
        "invalid polygon are ignored. In 9 images that may lack a label, phrases of the nouns concerned are not "
        "evaluable."
    )
    assert notes.describe_left_out({**card, "n_incomplete_images": 0}).endswith("polygon are ignored.")
    assert notes.describe_left_out({**card, "left_out": {}}) is None


def test_unknown_values_of_attributes_are_described_with_and_without_lost_labels():
    card = {"dataset": "mine", "n_instances": 1788, "unknown_attributes": {"colour": 2, "ripeness": 1200}}
    unknown = (
        "The value of colour is unknown for 2 of 1,788 instances. The value of ripeness is unknown for 1,200 of 1,788 "
        "instances."
    )
    assert notes.describe_left_out(card) == f"Data set mine: {unknown}"
    card |= {"n_annotations_read": 1790, "left_out": {"with no box are left out": 2}}
    assert notes.describe_left_out(card) == (
        f"Data set mine: 2 of 1,790 annotations could not be used: 2 with no box are left out. {unknown}"
    )


def test_the_first_warnings_of_a_data_set_are_stated():
    card = {"dataset": "mine", "warnings": ["one (3)", "two", "three", "four", "five"]}
    assert notes.describe_warnings(card) == "Data set mine, warnings: one (3); two; three; and 2 more in dataset.json"
    assert notes.describe_warnings({**card, "warnings": ["a", "b", "c"]}) == "Data set mine, warnings: a; b; c"
    assert notes.describe_warnings({**card, "warnings": []}) is None
    assert notes.describe_warnings({"dataset": "mine"}) is None
