import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import samgap.metrics
from samgap.errors import UserError
from samgap.matching import measure
from samgap.metrics import evaluate, load
from tests.helpers.scenes import random_shard

FOLDER = Path(samgap.metrics.__file__).parent
METRICS = sorted(path.stem.replace("_", "-") for path in FOLDER.glob("[!_]*.py"))
SPATIAL = ["iou", "dice", "boundary-f-2px", "precision", "recall", "f1-50", "prompts-per-image"]


def pair(image=1, kind="phrase", truth=0, predicted=0, hits=0, evaluable=True, phrase="apple", sums=(0.0, 0.0, 0.0)):
    names = ("sum_iou", "sum_dice", "sum_boundary_f_2px")
    return {
        **{"prompt_id": f"{image}-{phrase}", "image_id": image, "group": "g", "kind": kind, "phrase": phrase},
        **{"evaluable": evaluable, "n_truth": truth, "n_predicted": predicted, "tp": [hits] * 10},
        **dict(zip(names, sums, strict=True)),
    }


# Two of three apples found in image 1, with one false mask; pears asked of both and once falsely seen; leaves unknown.
PAIRS = pd.DataFrame(
    [
        pair(1, truth=3, predicted=3, hits=2, sums=(2.0, 2.25, 1.5)),
        pair(2, truth=1, predicted=0),
        pair(1, predicted=0, phrase="pear"),
        pair(2, predicted=2, phrase="pear"),
        pair(1, "other", predicted=9, evaluable=False, phrase="leaf"),
    ]
)
BOXES = pd.DataFrame([pair(1, "box", truth=1, predicted=1, hits=1, phrase=None, sums=(0.9, 0.95, 1.0))])


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("iou", 2 / 4),
        ("dice", 2.25 / 4),
        ("boundary-f-2px", 1.5 / 4),
        ("precision", 2 / 5),
        ("recall", 2 / 4),
        ("f1-50", 4 / 9),
        ("concept-recall", 2 / 4),
        ("prompts-per-image", 5 / 2),
        ("pmf1", 2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4)),  # the false pears are IL_MCC's
        ("il-mcc", 0.0),  # one right and one wrong on either side
        ("cgf1", 0.0),
    ],
)
def test_a_case_worked_by_hand(metric, value):
    assert evaluate(metric, PAIRS) == pytest.approx(value, abs=1e-4 if metric == "pmf1" else 1e-12)


def test_presence_always_right_and_always_wrong():
    right = pd.DataFrame([pair(1, truth=1, predicted=1, hits=1), pair(1, phrase="pear")])
    wrong = pd.DataFrame([pair(1, truth=1), pair(1, phrase="pear", predicted=1)])
    assert evaluate("il-mcc", right) == pytest.approx(1, abs=1e-5) and evaluate("il-mcc", wrong) == pytest.approx(
        -1, abs=1e-5
    )
    assert evaluate("cgf1", right) == pytest.approx(100, abs=0.03)


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_keeps_to_the_protocol_and_its_range(metric):
    module = load(metric)
    low, high = module.RANGE
    assert low < high and module.UNIT and isinstance(module.BY_PHRASE, bool) and module.__doc__.count("\n") > 3
    for seed in range(3):
        pairs = measure(*random_shard(seed), 0.5)[2]
        rests = module.rests_on(pairs)
        assert rests.dtype == bool and rests.shape == (len(pairs),)
        terms = module.terms(pairs[rests])
        assert all(term.dtype == np.float64 and len(term) == rests.sum() for term in terms.values())
        whole = {name: term.sum(axis=0, keepdims=True) for name, term in terms.items()}
        several = module.value({name: np.concatenate([term, 2 * term]) for name, term in whole.items()})
        assert several.shape == (2,) and low <= several[0] <= high
        assert several[0] == evaluate(metric, pairs)


@pytest.mark.parametrize("metric", METRICS)
def test_what_a_metric_counts_does_not_hang_on_the_predictions(metric):
    module, silent = load(metric), PAIRS.assign(n_predicted=0, tp=[[0] * 10] * len(PAIRS), sum_iou=0.0)
    assert module.rests_on(PAIRS).tolist() == module.rests_on(silent).tolist()
    assert module.applies(silent) is None


@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric != "prompts-per-image"])
def test_prompts_without_a_known_answer_change_nothing(metric):
    assert evaluate(metric, PAIRS) == evaluate(metric, PAIRS[PAIRS["evaluable"]])
    unknown = load(metric).applies(PAIRS[~PAIRS["evaluable"]])
    assert unknown == "not evaluable: the labels do not say what a right answer is"


@pytest.mark.parametrize("metric", METRICS)
def test_spatial_prompts_have_no_concept(metric):
    reason = load(metric).applies(BOXES)
    assert reason == (None if metric in SPATIAL else "not evaluable: spatial prompts name no concept")


@pytest.mark.parametrize(
    ("metric", "kept", "reason"),
    [
        ("iou", "pear", "no labelled instance is asked for"),
        ("recall", "pear", "no labelled instance is asked for"),
        ("concept-recall", "pear", "no labelled instance is asked for"),
        ("pmf1", "pear", "no labelled instance is asked for"),
        ("il-mcc", "pear", "no labelled instance is asked for"),
        ("il-mcc", "apple", "no phrase is asked whose referent is absent from the image"),
        ("cgf1", "apple", "no phrase is asked whose referent is absent from the image"),
    ],
)
def test_reasons(metric, kept, reason):
    pairs = PAIRS[PAIRS["phrase"] == kept]
    assert load(metric).applies(pairs) == f"not evaluable: {reason}"
    assert math.isnan(evaluate(metric, pairs))


@pytest.mark.parametrize("metric", METRICS)
def test_no_pairs_at_all_have_a_reason(metric):
    assert load(metric).applies(PAIRS.iloc[:0]).startswith("not evaluable: ")


def test_precision_recall_and_f1_rest_on_the_same_prompts():
    rests = [load(metric).rests_on(PAIRS).tolist() for metric in ("precision", "recall", "f1-50")]
    assert rests == [PAIRS["evaluable"].tolist()] * 3


def test_nothing_predicted_has_no_precision_but_a_recall_of_0():
    silent = pd.DataFrame([pair(1, truth=2), pair(1, phrase="pear")])
    assert math.isnan(evaluate("precision", silent))
    assert evaluate("recall", silent) == evaluate("f1-50", silent) == evaluate("pmf1", silent) == 0


def test_a_false_mask_for_an_absent_phrase_costs_precision_and_presence_but_not_pmf1():
    quiet = PAIRS.assign(n_predicted=PAIRS["n_predicted"].where(PAIRS["phrase"] != "pear", 0))
    for metric in ("precision", "f1-50", "il-mcc", "cgf1"):
        assert evaluate(metric, PAIRS) < evaluate(metric, quiet)
    for metric in ("pmf1", "recall", "concept-recall", "iou"):
        assert evaluate(metric, PAIRS) == evaluate(metric, quiet)


@pytest.mark.parametrize("metric", ["map-of-the-world", "-pairs", "_pairs"])
def test_an_unknown_metric_is_told_in_one_line(metric):
    with pytest.raises(UserError, match="has no file src/samgap/metrics/.*; correct the id or add the file"):
        load(metric)
