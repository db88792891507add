import pandas as pd
import pytest

from samgap.paper.failures import KINDS, describe_masks, find_cases, select_worst

CELL = {"dataset": "discs", "model": "sam3", "prompts": "concepts"}
NOUNS = {1: "apple", 2: "apple", 3: "pear", 4: "apple"}


def make_pairs():
    phrases = {"a": ("apple", None), "r": ("ripe apple", [("ripeness", "ripe")]), "x": ("leaf", None)}
    rows = [
        {**CELL, "prompt_id": id, "image_id": 1, "kind": "phrase", "phrase": phrase, "evaluable": id != "x",
         "nouns": ["apple"], "attributes": attributes}
        for id, (phrase, attributes) in phrases.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def make_instance(prompt_id, outcome, truth_id=None, prediction_id=None, score=None, area=100):
    case = {"prompt_id": prompt_id, "image_id": 1, "outcome": outcome, "truth_id": truth_id, "score": score}
    return {**CELL, **case, "prediction_id": prediction_id, "truth_area_px": area if truth_id is not None else None}


def make_overlap(prompt_id, prediction_id, truth_id, intersection, mask_area, truth_area=100, target=True):
    iou = intersection / (mask_area + truth_area - intersection)
    row = {"prompt_id": prompt_id, "prediction_id": prediction_id, "truth_id": truth_id, "iou": iou}
    areas = {"intersection_px": intersection, "ioa": intersection / mask_area}
    return {**CELL, **row, **areas, "target": target, "ignore": False}


INSTANCES = [
    make_instance("a", "missed", 4, area=900),
    make_instance("a", "false", prediction_id=0, score=0.9),  # over 1 and 2
    make_instance("r", "false", prediction_id=0, score=0.8),  # on 2, which is unripe
    make_instance("a", "false", prediction_id=1, score=0.7),  # on the pear
    make_instance("a", "matched", 1, 2, score=0.6),  # 30 of 100 px on the pear
    make_instance("a", "matched", 2, 3, score=0.6),  # correct
    make_instance("a", "false", prediction_id=4, score=0.5),  # on the background
    make_instance("x", "missed", 1),  # not evaluable
]
OVERLAPS = [
    make_overlap("a", 0, 1, 90, 220),
    make_overlap("a", 0, 2, 80, 220),
    make_overlap("r", 0, 2, 95, 100, target=False),
    make_overlap("a", 1, 3, 90, 100, target=False),
    make_overlap("a", 2, 1, 70, 100),
    make_overlap("a", 2, 3, 30, 100, target=False),
    make_overlap("a", 3, 2, 99, 100),
]


def make_cases(instances=INSTANCES, overlaps=OVERLAPS):
    return find_cases(make_pairs(), pd.DataFrame(instances), pd.DataFrame(overlaps), NOUNS)


def test_each_failure_has_one_kind_and_a_correct_mask_none():
    cases = make_cases()
    found = {(row.prompt_id, row.outcome, row.prediction_id): row.kind for row in cases.fillna(-1).itertuples()}
    assert found == {
        ("a", "missed", -1): "missed",
        ("a", "false", 0): "merged",
        ("r", "false", 0): "wrong attribute",
        ("a", "false", 1): "leakage",
        ("a", "matched", 2): "leakage",
        ("a", "false", 4): "false positive",
    }
    assert set(cases["kind"]) == set(KINDS)


def test_an_attribute_is_wrong_on_an_object_of_the_noun_alone():
    on_pear = [{**row, "truth_id": 3} if row["prompt_id"] == "r" else row for row in OVERLAPS]
    cases = make_cases(overlaps=on_pear)
    assert cases.loc[cases["prompt_id"] == "r", "kind"].tolist() == ["leakage"]


def test_severity_is_area_objects_score_or_share():
    cases = make_cases().set_index("kind")
    assert cases.loc["missed", "severity"] == 900
    assert cases.loc["merged", "severity"] == pytest.approx(2.09)
    assert cases.loc["wrong attribute", "severity"] == pytest.approx(0.8)
    assert sorted(cases.loc["leakage", "severity"]) == pytest.approx([0.3, 0.9])
    assert cases.loc["false positive", "severity"] == pytest.approx(0.5)


def test_a_mask_has_the_objects_that_it_covers_and_its_share_on_others():
    masks = describe_masks(pd.DataFrame(OVERLAPS)).set_index(["prompt_id", "prediction_id"])
    assert masks["n_covered"].to_dict() == {("a", 0): 2, ("a", 1): 0, ("a", 2): 1, ("a", 3): 1, ("r", 0): 0}
    assert masks.loc[("a", 2), "leak"] == pytest.approx(0.3)
    assert masks.loc[("a", 2), "others"] == [1, 3]
    assert masks.loc[("r", 0), "on_other"] == [2]


def test_the_worst_cases_come_first_and_an_object_once():
    instances = [make_instance("a", "missed", id, area=area) for id, area in ((1, 50), (2, 300), (4, 200))]
    instances.append(make_instance("r", "missed", 2, area=300))
    worst = select_worst(make_cases(instances, OVERLAPS), 2)
    assert list(zip(worst["kind"], worst["truth_id"], strict=True)) == [("missed", 2), ("missed", 4)]
