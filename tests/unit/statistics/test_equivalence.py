"""Two one-sided tests within a margin."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from samgap.statistics import bootstrap, equivalence, paired
from samgap.statistics.comparisons import compute_comparisons
from samgap.statistics.strata import Cell
from samgap.tables.statistics import COMPARISONS
from tests.helpers.comparing import declare_pair
from tests.helpers.sums import images_table, make_table

DIFFERENCES = np.random.default_rng(3).normal(0.005, 0.02, 10)


def make_rng():
    return bootstrap.seeded_generator(1, "flips")


@pytest.mark.parametrize("margin", [0.005, 0.02, 0.05])
def test_the_p_value_is_the_larger_of_both_one_sided_tests(margin):
    signs = np.array(list(itertools.product([1, -1], repeat=10)))
    p_values = []
    for values in (margin + DIFFERENCES, margin - DIFFERENCES):
        p_values.append((signs @ values >= values.sum() - 1e-12).mean())
    assert equivalence.paired_p_value(DIFFERENCES, margin, 1024, make_rng()) == max(p_values)
    t_tests = [stats.ttest_1samp(sign * DIFFERENCES, -margin, alternative="greater").pvalue for sign in (1, -1)]
    assert max(p_values) == pytest.approx(max(t_tests), abs=0.03)


def test_a_difference_beyond_the_margin_is_not_equivalent():
    assert equivalence.paired_p_value(DIFFERENCES + 0.1, 0.05, 1000, make_rng()) > 0.95
    assert equivalence.paired_p_value(DIFFERENCES - 0.1, 0.05, 1000, make_rng()) > 0.95


def test_equal_cells_are_equivalent_within_any_margin_if_there_are_enough_clusters():
    assert equivalence.paired_p_value(np.zeros(10), 0.001, 2000, make_rng()) == 2**-10
    assert equivalence.paired_p_value(np.zeros(4), 0.001, 2000, make_rng()) == 1 / 16


def test_undefined_pseudo_values_have_no_p_value():
    undefined = np.array([0.1, np.nan, 0.2])
    assert equivalence.paired_p_value(undefined, 0.1, 100, make_rng()) is None
    assert equivalence.unpaired_p_value(DIFFERENCES, undefined, 0.1, 100, make_rng()) is None


def test_two_samples_are_equivalent_if_both_welch_tests_say_so():
    rng = np.random.default_rng(4)
    first, second = rng.normal(0.6, 0.05, 40), rng.normal(0.61, 0.1, 60)
    p_value = equivalence.unpaired_p_value(first, second, 0.04, 4000, make_rng())
    t_tests = [
        stats.ttest_ind(first + 0.04, second, equal_var=False, alternative="greater").pvalue,
        stats.ttest_ind(first - 0.04, second, equal_var=False, alternative="less").pvalue,
    ]
    assert p_value == pytest.approx(max(t_tests), abs=0.02)
    assert equivalence.unpaired_p_value(first + 0.1, second, 0.04, 4000, make_rng()) > 0.9


@pytest.mark.parametrize(
    ("p_holm", "p_equivalence_holm", "outcome"),
    [
        (0.05, None, "different"),
        (0.06, None, "undecided"),
        (0.01, 0.2, "different"),
        (0.01, 0.01, "different within the margin"),
        (0.5, 0.05, "equivalent"),
        (0.5, 0.06, "undecided"),
        (None, None, None),
    ],
)
def test_the_outcome_is_that_of_both_tests(p_holm, p_equivalence_holm, outcome):
    assert equivalence.describe_outcome(p_holm, p_equivalence_holm, 0.05) == outcome


def make_cells(n_images=20):
    """Make cells of one instance for each image: `a` and `b` hardly differ, `c` is worse."""
    rng = np.random.default_rng(0)
    ious = {"a": rng.uniform(0.6, 0.9, n_images)}
    ious |= {"b": ious["a"] + rng.normal(0, 0.005, n_images), "c": ious["a"] - rng.uniform(0.1, 0.2, n_images)}
    fields = {"kind": "box", "evaluable": True, "exhaustive": True, "n_truth": 1}
    return {
        ("set", model, "box"): Cell(
            make_table(
                "pairs",
                [
                    {**fields, "prompt_id": str(k), "image_id": k + 1, "sum_iou": iou, "sum_dice": iou}
                    for k, iou in enumerate(values)
                ],
            )
        )
        for model, values in ious.items()
    }


def test_comparisons_have_margins_and_outcomes(tmp_path):
    declared = [
        declare_pair("x", "a", "b", ["iou", "dice"], margins={"iou": 0.02}),
        declare_pair("x", "a", "c", ["iou", "dice"], margins={"iou": 0.02}),
        declare_pair("y", "a", "c", ["iou"], margins={"iou": 0.4}),
    ]
    settings = {"resamples": 2000, "confidence": 0.95}
    rows = list(compute_comparisons(make_cells().get, {"set": images_table(20)}, declared, settings, 1))
    COMPARISONS.write(tmp_path / "rows.parquet", rows)
    rows = pd.DataFrame(rows)
    assert rows["outcome"].tolist() == [
        *("equivalent", "undecided", "different", "different"),
        "different within the margin",
    ]
    assert rows["margin"].isna().tolist() == [False, True, False, True, False]
    family = rows[(rows["comparison"] == "x") & rows["margin"].notna()]
    assert family["p_equivalence_holm"].tolist() == paired.holm(family["p_equivalence"].tolist())
    assert rows["p_equivalence"].isna().equals(rows["margin"].isna())


def test_a_value_without_a_test_has_no_outcome():
    pair = declare_pair("x", "a", "b", ["iou"], margins={"iou": 0.02})
    settings = {"resamples": 200, "confidence": 0.95}
    (row,) = compute_comparisons(make_cells(3).get, {"set": images_table(3)}, [pair], settings, 1)
    assert row["margin"] == 0.02 and row["p_equivalence"] is None and row["outcome"] is None


def test_a_family_that_is_too_large_for_its_images_to_be_equivalent_says_so():
    # Four images: p ≥ 1/16 in one direction.
    pair = declare_pair("x", "a", "b", ["iou"], margins={"iou": 0.2})
    settings = {"resamples": 200, "confidence": 0.95}
    (row,) = compute_comparisons(make_cells(4).get, {"set": images_table(4)}, [pair], settings, 1)
    assert row["p_equivalence"] == 1 / 16 and row["outcome"] == "undecided"
    assert "cannot be equivalent: with 4 clusters and 200 resamples p is at least 0.062" in row["warning"]
