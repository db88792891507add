"""Exemplar boxes with a phrase or without it."""

from dataclasses import replace

from samgap.prompts import exemplar
from samgap.prompts.seed import Seed

APPLE = {"phrases": [{"phrase": "apple", "noun": "apple"}]}


def select_boxes(truth, seed, **options):
    """Return (x0, label) of the boxes on image 1."""
    rows = exemplar.generate_prompts(truth, {**APPLE, **options}, seed)
    return next([(box["x0"], box["label"]) for box in row["boxes"]] for row in rows if row["image_id"] == 1)


def test_exemplars_are_of_the_same_image_and_the_truth_covers_all_instances(truth, seed):
    # Image 2 has no apple and gets no row.
    (row,) = exemplar.generate_prompts(truth, {**APPLE, "positives": 1, "negatives": 1}, seed)
    assert row["image_id"] == 1 and row["kind"] == "phrase" and row["phrase"] == "apple"
    assert row["truth_ids"] == [10, 11]
    positive, negative = row["boxes"]
    assert positive["label"] == 1 and positive["x0"] in (3, 25)
    assert negative == {"x0": 20, "y0": 1, "x1": 24, "y1": 4, "label": 0}


def test_a_larger_set_of_exemplars_starts_with_the_smaller_one(truth, seed):
    one, two, three = (select_boxes(truth, seed, positives=number) for number in (1, 2, 3))
    assert two[:1] == one and three == two and len(two) == 2


def test_the_first_exemplar_is_random(truth):
    assert len({select_boxes(truth, Seed(run_seed, "a"))[0] for run_seed in range(20)}) == 2


def test_boxes_may_replace_the_phrase(truth, seed):
    (row,) = exemplar.generate_prompts(truth, {**APPLE, "text": False}, seed)
    assert row["phrase"] == "visual" and row["nouns"] == ["apple"]


def test_images_that_lost_labels_of_the_phrase_are_counted_and_get_no_row(truth, seed, caplog):
    images = {1: {**truth.images[1], "incomplete": ["apple"]}, 2: truth.images[2]}
    incomplete = replace(truth, images=images)
    assert list(exemplar.generate_prompts(incomplete, APPLE, seed)) == []
    assert "1 images × phrases get no exemplars, because labels of them were lost" in caplog.text
