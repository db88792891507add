"""Whether a retraining reaches the estimates of the demo models' card."""

import pandas as pd
import pytest

from samgap.demo_models.card import compare_with_card, select_card_rows

COLUMNS = ["model", "dataset", "prompts", "metric", "value", "ci_low", "ci_high"]
CARD = pd.DataFrame(
    [
        ("sam2-demo", "test", "box", "iou", 0.85, 0.83, 0.87),
        ("sam2-demo", "test", "point", "iou", 0.8, 0.78, 0.82),
        ("sam3-demo", "test", "words", "open-vocabulary-f1-gap", 0.1, 0.0, 0.2),
        ("ellipse", "test", "box", "iou", 0.8, 0.8, 0.8),
    ],
    columns=COLUMNS,
)


def _make_estimates(values):
    rows = [
        {"experiment": "e", "model": model, "dataset": "test", "prompts": prompts, "metric": "iou", "stratum": stratum}
        | dict(zip(("value", "ci_low", "ci_high"), interval, strict=True))
        for (model, prompts, stratum), interval in values.items()
    ]
    return pd.DataFrame(rows)


def _find_reached(values):
    rows = compare_with_card(CARD, _make_estimates(values), {"sam2-demo": "sam2-rebuilt", "sam3-demo": "sam3-rebuilt"})
    return {row.prompts: row.reached for row in rows.itertuples()}


def test_an_estimate_is_reached_if_the_intervals_overlap_or_the_retraining_is_better():
    better, overlapping = (0.9, 0.89, 0.91), (0.77, 0.75, 0.79)
    assert _find_reached({("sam2-rebuilt", "box", "all"): better, ("sam2-rebuilt", "point", "all"): overlapping}) == {
        "box": True,
        "point": True,
    }


def test_an_estimate_below_the_cards_interval_or_missing_is_not_reached():
    worse = (0.7, 0.68, 0.72)
    assert _find_reached({("sam2-rebuilt", "box", "all"): worse}) == {"box": False, "point": False}


def test_estimates_of_the_cards_own_models_and_of_strata_are_not_compared():
    equal = (0.85, 0.83, 0.87)
    rows = {("sam2-demo", "box", "all"): equal, ("sam2-rebuilt", "box", "phrase: apple"): equal}
    assert _find_reached(rows) == {"box": False, "point": False}


def test_the_card_has_one_row_for_each_estimate_on_a_whole_data_set():
    rows = _make_estimates(
        {("sam2-demo", "box", "all"): (0.85, 0.83, 0.87), ("sam2-demo", "box", "small"): (0.5, 0.4, 0.6)}
    )
    no_value = _make_estimates({("sam2-demo", "point", "all"): (float("nan"),) * 3})
    another_model = _make_estimates({("another", "box", "all"): (0.1, 0.0, 0.2)})
    table = pd.concat([rows, rows, no_value, another_model]).assign(n_images=3, n_instances=9)
    assert select_card_rows(table, ["sam2-demo"]).to_dict("records") == [
        {"model": "sam2-demo", "dataset": "test", "prompts": "box", "metric": "iou", "value": 0.85, "ci_low": 0.83}
        | {"ci_high": 0.87, "n_images": 3, "n_instances": 9}
    ]


@pytest.mark.parametrize(
    ("interval", "reached"),
    [((0.03, 0.02, 0.04), True), ((0.22, 0.18, 0.26), True), ((0.3, 0.25, 0.35), False), ((float("nan"),) * 3, False)],
)
def test_the_metric_declares_which_end_of_an_interval_is_better(interval, reached):
    # For the calibration error, lower is better; the card has 0.1 to 0.2.
    row = {"model": "sam3-demo", "dataset": "test", "prompts": "words", "metric": "calibration"}
    card = pd.DataFrame([row | {"value": 0.15, "ci_low": 0.1, "ci_high": 0.2}])
    rebuilt = dict(zip(("value", "ci_low", "ci_high"), interval, strict=True))
    estimates = pd.DataFrame([{"stratum": "all"} | row | {"model": "rebuilt"} | rebuilt])
    assert compare_with_card(card, estimates, {"sam3-demo": "rebuilt"})["reached"].tolist() == [reached]
