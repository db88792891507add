"""Whether a rebuild reaches the card's figures."""

import pandas as pd

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


def _estimates(found):
    rows = [
        {"experiment": "e", "model": model, "dataset": "test", "prompts": prompts, "metric": "iou", "stratum": stratum}
        | dict(zip(("value", "ci_low", "ci_high"), values, strict=True))
        for (model, prompts, stratum), values in found.items()
    ]
    return pd.DataFrame(rows)


def _reached(rows):
    found = compare_with_card(CARD, _estimates(rows), {"sam2-demo": "sam2-rebuilt", "sam3-demo": "sam3-rebuilt"})
    return {row.prompts: row.reached for row in found.itertuples()}


def test_a_figure_is_reached_where_the_intervals_meet_or_the_rebuild_is_better():
    better, near = (0.9, 0.89, 0.91), (0.77, 0.75, 0.79)
    assert _reached({("sam2-rebuilt", "box", "all"): better, ("sam2-rebuilt", "point", "all"): near}) == {
        "box": True,
        "point": True,
    }


def test_a_figure_below_the_cards_interval_or_missing_is_not_reached():
    worse = (0.7, 0.68, 0.72)
    assert _reached({("sam2-rebuilt", "box", "all"): worse}) == {"box": False, "point": False}


def test_the_models_of_the_card_themselves_and_strata_do_not_stand_for_the_rebuild():
    same = (0.85, 0.83, 0.87)
    rows = {("sam2-demo", "box", "all"): same, ("sam2-rebuilt", "box", "phrase: apple"): same}
    assert _reached(rows) == {"box": False, "point": False}


def test_the_cards_figures_are_the_estimates_of_whole_data_sets_once_each():
    rows = _estimates({("sam2-demo", "box", "all"): (0.85, 0.83, 0.87), ("sam2-demo", "box", "small"): (0.5, 0.4, 0.6)})
    skipped = _estimates({("sam2-demo", "point", "all"): (None, None, None)})
    other = _estimates({("another", "box", "all"): (0.1, 0.0, 0.2)})
    table = pd.concat([rows, rows, skipped, other]).assign(n_images=3, n_instances=9)
    found = select_card_rows(table, ["sam2-demo"])
    assert found.to_dict("records") == [
        {"model": "sam2-demo", "dataset": "test", "prompts": "box", "metric": "iou", "value": 0.85, "ci_low": 0.83}
        | {"ci_high": 0.87, "n_images": 3, "n_instances": 9}
    ]
