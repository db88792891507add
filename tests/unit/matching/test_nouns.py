"""`ignore` instances excuse predictions of their own noun alone, in all statistics of a prompt."""

from dataclasses import replace

import numpy as np
import pytest

from samgap.matching.nouns import find_ignored_columns, find_prompt_nouns
from samgap.matching.overlap import TruthMasks
from samgap.matching.shard import match_shard
from samgap.prompts.kinds import get_row_kind
from tests.helpers.scenes import images_table, make_ground_truth, masks_table, prompts_table, square_mask
from tests.helpers.sums import evaluate

APPLE, IGNORED_APPLE, IGNORED_PEAR = square_mask(2, 2, 6), square_mask(14, 14, 8), square_mask(2, 20, 8)
SCENE = {1: [(1, APPLE, False), (2, IGNORED_APPLE, True), (3, IGNORED_PEAR, True)]}
FALSE_POSITIVE_METRICS = {
    "precision": (1.0, 0.5),
    "f1-50": (1.0, 2 / 3),
    "precision-score-50": (1.0, 0.5),
    "box-precision": (1.0, 0.5),
    "map": (1.0, 0.5),
    "calibration": (0.15, (0.15 + 0.95) / 2),
    "upstream-precision": (1.0, 0.5),
    "upstream-pooled-f1": (1.0, 2 / 3),
    "upstream-greedy-precision": (1.0, 0.5),
    "grounding-error-off-concept": (0.0, 0.5),
    "coverage": (1.0, 36 / (36 + 64)),
    "count-error": (0.0, 1.0),
}
"""Metric -> its value if a mask on an ignored instance is excused, and if it is false; the other mask is right."""


def make_truth():
    truth = make_ground_truth(SCENE)
    apples, pear = truth.instances[1][:2], truth.instances[1][2]
    return replace(truth, instances={1: [*apples, replace(pear, noun="pear")]}, nouns=frozenset({"apple", "pear"}))


def match_phrase(phrase, nouns, predictions, truth_ids=(1,), kind="phrase", **columns):
    """Return tables `instances` and `pairs` of one prompt with predictions (score, mask); boxes are those of masks."""
    truth_ids = None if truth_ids is None else list(truth_ids)
    prompts = prompts_table([("p", 1, kind, phrase, truth_ids)])
    for name, value in {"nouns": nouns, **columns}.items():
        prompts[name] = [value]
    masks = masks_table([("p", number, 1, *prediction) for number, prediction in enumerate(predictions)])
    corners = [np.argwhere(mask) for _, mask in predictions]
    masks[["y0", "x0"]] = np.array([points.min(axis=0) for points in corners], float)
    masks[["y1", "x1"]] = np.array([points.max(axis=0) + 1 for points in corners], float)
    return match_shard(masks, prompts, make_truth(), images_table([1]), 0.5)[1:]


@pytest.mark.parametrize("metric", FALSE_POSITIVE_METRICS)
@pytest.mark.parametrize(("ignored", "is_excused"), [(IGNORED_APPLE, True), (IGNORED_PEAR, False)])
def test_a_mask_on_an_ignored_instance_is_excused_by_its_own_noun_alone(metric, ignored, is_excused):
    _, pairs = match_phrase("apple", ["apple"], [(0.95, ignored), (0.85, APPLE)])
    assert evaluate(metric, pairs) == pytest.approx(FALSE_POSITIVE_METRICS[metric][not is_excused], abs=1e-6)


def test_a_mask_of_another_noun_on_an_ignored_apple_is_a_false_positive():
    instances, pairs = match_phrase("leaf", ["leaf"], [(0.9, IGNORED_APPLE)], truth_ids=[])
    assert pairs["n_predicted"].tolist() == [1] and instances["outcome"].tolist() == ["false"]
    assert pairs["n_ignored"].tolist() == [0]
    assert evaluate("false-alarms-masks", pairs) == 1 and evaluate("precision", pairs) == 0


@pytest.mark.parametrize("attributes", [[], [("ripeness", "ripe")]])
def test_attributes_of_the_phrase_do_not_matter(attributes):
    _, pairs = match_phrase("ripe apple", ["apple"], [(0.9, IGNORED_APPLE)], attributes=attributes)
    assert pairs[["n_predicted", "n_ignored"]].to_numpy().tolist() == [[0, 1]]


def test_a_phrase_of_several_nouns_is_excused_by_each_of_them_except_the_excluded_one():
    masks = [(0.9, IGNORED_APPLE), (0.8, IGNORED_PEAR)]
    _, pairs = match_phrase("fruit", ["apple", "pear"], masks)
    assert pairs[["n_predicted", "n_ignored"]].to_numpy().tolist() == [[0, 2]]
    _, pairs = match_phrase("fruit but no pear", ["apple", "pear"], masks, without=[("noun", "pear")])
    assert pairs[["n_predicted", "n_ignored"]].to_numpy().tolist() == [[1, 1]]


def test_a_prompt_without_nouns_is_excused_by_every_ignored_instance():
    _, pairs = match_phrase(None, None, [(0.9, IGNORED_APPLE), (0.8, IGNORED_PEAR)], kind="grid")
    assert pairs["n_predicted"].tolist() == [0]


def test_leaves_on_an_ignored_apple_are_leakage():
    _, pairs = match_phrase("leaf", None, [(0.9, IGNORED_APPLE), (0.8, square_mask(2, 10, 4))], None, "other")
    assert pairs["n_predicted"].tolist() == [2] and evaluate("leakage", pairs) == 1 / 2


@pytest.mark.parametrize(
    ("kind", "columns", "nouns", "n_ignored"),
    [
        ("phrase", {"nouns": np.array(["apple"])}, {"apple"}, 1),
        ("phrase", {"nouns": ["apple", "pear"], "without": {"noun": "pear"}}, {"apple"}, 1),
        ("phrase", {"nouns": float("nan")}, {"apple", "pear"}, 2),
        ("other", {"nouns": None}, set(), 0),
        ("box", {"nouns": None}, {"apple", "pear"}, 0),
    ],
)
def test_nouns_of_a_prompt_and_the_instances_that_excuse_it(kind, columns, nouns, n_ignored):
    prompts = prompts_table([("p", 1, kind, None, [1])]).assign(nouns=None, without=None)
    (prompt,) = prompts.itertuples(index=False)
    prompt, (image,) = prompt._replace(**columns), images_table([1]).itertuples()
    truth = TruthMasks.from_instances(make_truth().instances_of(1), image)
    assert find_prompt_nouns(prompt, get_row_kind(kind), truth) == nouns
    ignored = find_ignored_columns(prompt, get_row_kind(kind), truth)
    assert len(ignored) == n_ignored and ignored.dtype == np.int64
