"""Faults of single checks, each one line."""

import pytest

from samgap.errors import UserError
from tests.helpers.claims import make_claim
from tests.unit.config.test_claims import (
    ABSENT,
    BETTER,
    CELL,
    COUNT,
    IOU,
    LAYERS,
    NUMBER,
    PROBE,
    QUOTED,
    UNMEASURED,
    check_claims,
)


def drop_key(check, key):
    return {name: value for name, value in check.items() if name != key}


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ({**LAYERS, "check": "atribute"}, "has the unknown check 'atribute'; did you mean 'attribute'"),
        (drop_key(LAYERS, "check"), "has the unknown check 'None'"),
        # A bound without its unit.
        (drop_key(LAYERS, "unit"), "checks.0 lacks the key 'unit' (The unit of the bound, or what is counted)"),
        (drop_key(COUNT, "unit"), "checks.0 has the key 'count', which needs 'unit'; add it"),
        (drop_key(PROBE, "unit"), "checks.0 lacks the key 'unit'"),
        (drop_key(IOU, "unit"), "checks.0 has the key 'at-least', which needs 'unit'; add it"),
        (drop_key(NUMBER, "unit"), "checks.0 has the key 'at-least', which needs 'unit'; add it, or remove 'at-least'"),
        ({**drop_key(LAYERS, "unit"), "equals": "ViT", "at-most": 3}, "has the key 'at-most', which needs 'unit'"),
        # No bound at all.
        (drop_key(drop_key(PROBE, "equals"), "unit"), "its check 'probe' has no bound; add equals, at-least, above"),
        (drop_key(IOU, "at-least"), "its check 'estimate' has no bound"),
        (drop_key(COUNT, "count"), "its check 'parameters' has no bound"),
        (drop_key(drop_key(NUMBER, "at-least"), "unit"), "its check 'fact' has a number but no bound"),
        # Keys of another check, and missing ones.
        ({**ABSENT, "path": "x"}, "unknown key 'path' in checks.0"),
        ({**PROBE, "modell": "sam3"}, "unknown key 'modell' in checks.0"),
        (drop_key(ABSENT, "pattern"), "checks.0 lacks the key 'pattern'"),
        ({**COUNT, "model": "sam4"}, "checks.0.model is 'sam4', not one of sam2.1-tiny"),
        ({**COUNT, "tolerance": 5}, "checks.0.tolerance is 5, not less than 1"),
        ({**PROBE, "probe": "winner-takes-all"}, "probes/winner_takes_all.py; did you mean 'winner-take-all'"),
        ({**IOU, "dataset": "minneapple-test"}, "checks.0.dataset is 'minneapple-test', not one of main"),
        ({**IOU, "against": {"prompts": "point"}}, "must have either the key 'experiment' or the key 'against'"),
        (CELL | {"above": 0}, "must have either the key 'experiment' or the key 'against'"),
        ({"check": "fact", "statements": [{"value": "so", "source": "A"}]}, "a text lacks the key 'agrees'"),
        ({"check": "fact", "statements": []}, "checks.0.statements is [], fewer than 1 of them"),
        ({**QUOTED, "statements": [{**QUOTED["statements"][0], "source": "C §1"}]}, "refers to the source 'C §1'"),
        # A pattern that is no regular expression.
        ({**ABSENT, "pattern": "("}, "its pattern '(' is no regular expression (missing ), unterminated subpattern"),
        # Values of another type.
        ({**COUNT, "count": "848 million"}, "checks.0.count is '848 million', not of type number"),
        ({**IOU, "at-least": "0.8"}, "checks.0.at-least is '0.8', not of type number"),
        ({**IOU, "at-least": float("nan")}, "its check 'estimate' has at-least: nan; write a finite number"),
        ({**NUMBER, "at-least": float("inf")}, "its check 'fact' has at-least: inf; write a finite number"),
        ({**PROBE, "equals": "three"}, "its check 'probe' has equals: 'three', but decides by a number"),
        ({**CELL, "experiment": "grounded", "equals": True}, "has equals: True, but decides by a number; write one"),
        ({**NUMBER, "statements": [{"value": True, "source": "A"}]}, "value is true, not of type number or string"),
        # Bounds that exclude each other, or that nothing meets.
        ({**LAYERS, "at-least": 3}, "its check 'attribute' has equals and at-least, which exclude each other"),
        ({**COUNT, "at-most": 9e8}, "its check 'parameters' has count and at-most, which exclude each other"),
        ({**drop_key(COUNT, "count"), "above": 1}, "has a tolerance without the count that it is of; add count"),
        ({**IOU, "above": 0.5}, "its check 'estimate' has both at-least and above; keep one"),
        ({**IOU, "at-most": 0.7}, "no number is at-least 0.8 and at-most 0.7, which its check 'estimate' demands"),
        ({**IOU, "below": 0.8}, "no number is at-least 0.8 and below 0.8"),
        ({**QUOTED, "at-least": 3, "unit": "videos"}, "its check 'fact' has at-least but no number; remove it"),
        ({**NUMBER, "statements": [{"value": 7, "agrees": True, "source": "A"}]}, "a number has the key 'agrees'"),
        # What does not exist.
        ({**IOU, "metric": "iuo"}, "names the metric 'iuo', which does not exist; did you mean 'iou'?"),
        ({**IOU, "metric": "f1-iou-50"}, "metric `f1-iou-50` is dropped; write `f1-50`"),
        ({**IOU, "experiment": "spatial-prompt"}, "experiment 'spatial-prompt', which does not exist; did you mean"),
        ({**IOU, "prompts": "boxx"}, "names the prompt set 'boxx', which does not exist; did you mean 'box'?"),
        ({**BETTER, "against": {"prompts": "pointt"}}, "names the prompt set 'pointt', which does not exist"),
        # An estimate in per cent, and differences of nothing.
        ({**IOU, "at-least": 80, "unit": "%"}, "has the unit '%', but metrics are fractions; write bounds from 0 to 1"),
        ({**BETTER, "against": {"stratum": "all"}}, "its check 'estimate' compares a cell with itself; name another"),
        ({**BETTER, "against": {"prompts": "box"}}, "its check 'estimate' compares a cell with itself; name another"),
        (drop_key(UNMEASURED, "needs"), "checks.0 lacks the key 'needs'"),
    ],
)  # fmt: skip
def test_a_faulty_check_is_refused_in_one_line(check, message):
    with pytest.raises(UserError) as caught:
        check_claims(make_claim(LAYERS, id="good"), make_claim(check))
    text = str(caught.value)
    assert text.startswith("claims.yaml: claim 'one'") and message in text and "\n" not in text
