"""Rank correlations of prompt sets between two models."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from samgap.statistics.rank_correlations import compute_rank_correlations, measure_stability, spearman
from samgap.statistics.strata import Cell
from samgap.tables.statistics import RANK_CORRELATIONS
from tests.helpers.sums import images_table, make_table

SETTINGS = {"resamples": 1000, "confidence": 0.95}
PROMPTS = ("a", "b", "c", "d", "e")
N_IMAGES = 30
IMAGES = {"set": images_table(N_IMAGES)}
FIELDS = {"kind": "box", "evaluable": True, "exhaustive": True, "n_truth": 1}


def make_cell(ious):
    rows = [{**FIELDS, "prompt_id": str(k), "image_id": k + 1, "sum_iou": iou} for k, iou in enumerate(ious)]
    return Cell(make_table("pairs", rows))


def make_cells(first, second, noise=0.02, n_images=N_IMAGES):
    """Make cells of both models with these mean IoUs of the prompt sets."""
    rng = np.random.default_rng(0)
    return {
        ("set", model, prompts): make_cell(mean + rng.normal(0, noise, n_images))
        for model, means in (("one", first), ("two", second))
        for prompts, mean in zip(PROMPTS, means, strict=False)
    }


def correlate(cells, prompts=PROMPTS):
    declared = {"correlation": "x", "dataset": "set", "model": "one", "other_model": "two", "metric": "iou"}
    declared |= {"prompts": list(prompts)}
    (row,) = compute_rank_correlations(cells.get, IMAGES, [declared], SETTINGS, 1)
    return row


ORDER, OTHER = [0.3, 0.4, 0.5, 0.6, 0.7], [0.4, 0.3, 0.5, 0.7, 0.6]


def test_the_value_is_spearmans_coefficient_of_the_values_of_both_models():
    row = correlate(make_cells(ORDER, OTHER))
    assert row["value"] == pytest.approx(stats.spearmanr(ORDER, OTHER).statistic) == pytest.approx(0.8)
    assert row["ci_low"] <= 0.8 <= row["ci_high"] and row["stability"] > 0.9 and row["warning"] is None
    assert (row["n_prompts"], row["n_clusters"], row["prompts"]) == (5, N_IMAGES, list(PROMPTS))


def test_opposite_orders_have_minus_one():
    row = correlate(make_cells(ORDER, ORDER[::-1]))
    assert (row["value"], row["ci_low"], row["ci_high"]) == pytest.approx((-1, -1, -1))


def test_prompt_sets_of_nearly_equal_values_have_no_interval():
    row = correlate(make_cells([0.5, 0.501, 0.502, 0.503, 0.504], OTHER, noise=0.2))
    assert row["value"] is not None and row["ci_low"] is None and row["stability"] < 0.9
    assert row["warning"].startswith("no interval: these images do not determine the order of the prompt sets")


def test_fewer_than_four_prompt_sets_are_not_evaluable():
    row = correlate(make_cells(ORDER, OTHER), PROMPTS[:3])
    assert row["value"] is None and row["n_prompts"] == 3
    assert row["note"] == "not evaluable: 3 prompt sets have a value of both models (at least 4)"


def test_a_prompt_set_without_a_value_is_left_out():
    cells = make_cells(ORDER, OTHER)
    pairs = cells["set", "two", "e"].pairs
    cells["set", "two", "e"] = Cell(pairs.assign(evaluable=False))
    row = correlate(cells)
    assert row["prompts"] == list("abcd") and row["value"] == pytest.approx(0.8)


def test_a_skipped_model_is_the_note():
    cells = make_cells(ORDER, OTHER)
    cells |= {("set", "two", prompts): Cell(make_table("pairs", []), skip_reason="no access") for prompts in PROMPTS}
    assert correlate(cells)["note"] == "skipped: no access"


def test_equal_values_of_all_prompt_sets_have_no_order():
    row = correlate(make_cells([0.5] * 5, OTHER, noise=0))
    assert row["value"] is None and row["note"] == "not evaluable: all prompt sets of a model have the same value"


def test_too_few_images_have_a_value_alone():
    images = {"set": images_table(3)}
    declared = {"correlation": "x", "dataset": "set", "model": "one", "other_model": "two", "metric": "iou"}
    cells = make_cells(ORDER, OTHER, n_images=3)
    (row,) = compute_rank_correlations(cells.get, images, [{**declared, "prompts": list(PROMPTS)}], SETTINGS, 1)
    assert row["value"] == pytest.approx(0.8) and row["ci_low"] is None and "carry the value" in row["warning"]


def test_the_coefficients_of_columns_are_scipys_with_ties_and_nan_where_one_side_is_constant():
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 4, (6, 50)).astype(float), rng.normal(size=(6, 50))
    first[:, 7], second[2, 8] = 1.0, np.nan
    values = spearman(first, second)
    assert np.isnan(values[[7, 8]]).all()
    for column in set(range(50)) - {7, 8}:
        expected = stats.spearmanr(first[:, column], second[:, column]).statistic
        assert values[column] == pytest.approx(expected, nan_ok=True)


def test_the_stability_is_that_of_the_less_stable_model():
    observed = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    draws = np.repeat(observed[:, :, None], 4, axis=2)
    assert measure_stability(observed, draws) == 1
    draws[:, 1, :2] = draws[::-1, 1, :2]
    assert measure_stability(observed, draws) == 0


def test_rows_fit_the_table_and_do_not_depend_on_other_correlations(tmp_path):
    cells = make_cells(ORDER, OTHER)
    declared = {"correlation": "x", "dataset": "set", "model": "one", "other_model": "two", "metric": "iou"}
    both = [{**declared, "prompts": list(PROMPTS[:3])}, {**declared, "prompts": list(PROMPTS)}]
    rows = list(compute_rank_correlations(cells.get, IMAGES, both, SETTINGS, 1))
    assert rows[1] == correlate(cells)
    RANK_CORRELATIONS.write(tmp_path / "rows.parquet", rows)
    assert RANK_CORRELATIONS.read(tmp_path / "rows.parquet")["n_prompts"].tolist() == [3, 5]
    assert pd.DataFrame(rows)["value"].isna().tolist() == [True, False]
