"""Comparisons of cells: differences, intervals, tests and corrections."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from samgap.matching import coco
from samgap.matching.shard import match_shard
from samgap.statistics import bootstrap, paired
from samgap.statistics.comparisons import compute_comparisons
from samgap.statistics.estimates import compute_estimates
from samgap.statistics.strata import Cell
from samgap.tables.statistics import COMPARISONS
from tests.helpers.comparing import declare_pair
from tests.helpers.scenes import random_shard
from tests.helpers.sums import images_table, make_table, random_results, to_box_prompts

IMAGES = images_table(30)
MATCH_RATES = {"good": 0.9, "fair": 0.6, "same": 0.9}
SETTINGS = {"resamples": 2000, "confidence": 0.95}


def box_pairs(match_rate):
    return to_box_prompts(random_results(3, IMAGES, match_rate=match_rate)[0])


CELLS = {("set", model, "box"): Cell(box_pairs(match_rate)) for model, match_rate in MATCH_RATES.items()}
CELLS["set", "words", "concepts"] = Cell(random_results(4, IMAGES)[0])
CELLS["set", "unavailable", "box"] = Cell(make_table("pairs", []), skip_reason="weights not available (no access)")


def declare(comparison, model, baseline, metrics=("iou", "recall"), **changes):
    changes = {"baseline_prompts": "box", **changes}
    return declare_pair(comparison, model, baseline, metrics, **changes)


DECLARED = [
    declare("skill", "good", "fair"),
    declare("same", "same", "good"),
    declare("skill", "fair", "good", ["dice"]),
    declare("words", "words", "good", ["iou", "pmf1"], prompts="concepts"),
    declare("absent", "unavailable", "good"),
    declare("absent", "words", "unavailable", ["pmf1"], prompts="concepts"),
]


def compute(declared=DECLARED, cells=CELLS, images=IMAGES, seed=1):
    rows = compute_comparisons(cells.get, {"set": images, "other": images}, declared, SETTINGS, seed)
    return pd.DataFrame(list(rows))


ROWS = compute()


def rows_of(comparison):
    return ROWS[ROWS["comparison"] == comparison].reset_index(drop=True)


def test_every_pair_and_metric_has_a_row_grouped_by_comparison(tmp_path):
    COMPARISONS.write(tmp_path / "one", ROWS)
    assert len(COMPARISONS.read(tmp_path / "one")) == len(ROWS) == 10
    assert ROWS["comparison"].tolist() == ["skill"] * 3 + ["same"] * 2 + ["words"] * 2 + ["absent"] * 3
    COMPARISONS.write(tmp_path / "two", compute())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_interval_of_a_difference_is_paired():
    row = rows_of("skill").iloc[0]
    estimates = pd.DataFrame(
        compute_estimates(
            CELLS.get, {"set": IMAGES},
            {"e": {"datasets": ["set"], "models": ["good", "fair"], "prompts": ["box"], "metrics": ["iou"]}},
            SETTINGS, 1,
        )
    )  # fmt: skip
    all_rows = estimates[estimates["stratum"] == "all"].set_index("model")
    assert (row["value"], row["baseline_value"]) == (all_rows.at["good", "value"], all_rows.at["fair", "value"])
    assert row["difference"] == row["value"] - row["baseline_value"] > 0
    # Each resample's difference is that of both values in the same resample of table `estimates`.
    sums = {}
    for model in ("good", "fair"):
        pairs = CELLS["set", model, "box"].pairs
        images = pairs["image_id"].to_numpy() - 1
        sums[model] = [np.bincount(images, pairs[name], 30) for name in ("sum_iou", "n_truth")]
    weights = np.concatenate(list(bootstrap.draw_counts(30, 2000, bootstrap.seeded_generator(1, "resamples", "set"))))
    values = {model: weights @ iou / (weights @ truth) for model, (iou, truth) in sums.items()}
    for model, value in values.items():
        low, high = bootstrap.percentile_interval(value, all_rows.at[model, "n_clusters"], 0.95)
        assert (low, high) == pytest.approx(tuple(all_rows.loc[model, ["ci_low", "ci_high"]]), abs=1e-12)
    low, high = bootstrap.percentile_interval(values["good"] - values["fair"], row["n_clusters"], 0.95)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), abs=1e-12)
    assert row["ci_low"] < row["difference"] < row["ci_high"]


def test_swapping_candidate_and_baseline_changes_the_signs():
    row = rows_of("skill").set_index("metric").loc["iou"]
    assert row["p_value"] < 0.01 and row["p_t_test"] < 0.01
    assert 0 < row["effect_low"] < row["effect_size"] < row["effect_high"]
    assert 0 < row["minimum_detectable"] < row["difference"]
    row, swapped = (
        compute([declare("x", *models, ["iou"])]).iloc[0] for models in (("good", "fair"), ("fair", "good"))
    )
    assert row["p_value"] == swapped["p_value"] and row["p_t_test"] == pytest.approx(swapped["p_t_test"])
    for name, swapped_name in (
        ("difference",) * 2,
        ("effect_size",) * 2,
        ("ci_low", "ci_high"),
        ("effect_low", "effect_high"),
    ):
        assert row[name] == pytest.approx(-swapped[swapped_name])


def test_tests_of_images_with_equal_weight_are_scipys():
    rng = np.random.default_rng(0)
    sums = {model: rng.uniform(0, 4, 12) for model in ("good", "fair")}
    images = images_table(12)
    cells = {
        ("set", model, "box"): Cell(
            make_table(
                "pairs",
                [
                    {
                        "prompt_id": str(k),
                        "image_id": k + 1,
                        "kind": "box",
                        "evaluable": True,
                        "n_truth": 4,
                        "sum_iou": sum_iou,
                    }
                    for k, sum_iou in enumerate(values)
                ],
            )
        )
        for model, values in sums.items()
    }
    row = compute([declare("x", "good", "fair", ["iou"])], cells, images).iloc[0]
    first, second = sums["good"] / 4, sums["fair"] / 4
    assert row["p_t_test"] == pytest.approx(stats.ttest_rel(first, second).pvalue, abs=1e-9)
    exact = stats.permutation_test(
        (first, second), lambda a, b: np.mean(a) - np.mean(b), permutation_type="samples", n_resamples=np.inf,
        vectorized=False,
    ).pvalue  # fmt: skip
    # 2^12 swaps exceed the number of resamples, so a random subset is used.
    assert row["p_value"] == pytest.approx(exact, abs=0.04)
    assert (row["n_clusters"], row["n_instances"], row["baseline_n_instances"]) == (12, 48, 48)


def test_equal_cells_have_no_difference_and_p_value_1():
    for row in rows_of("same").itertuples():
        # Of n equal images, up to 1 - 0.025^(1/n) of the population may differ.
        assert row.difference == 0 and row.p_value == 1 and row.ci_low == -row.ci_high
        assert 1 - 0.025 ** (1 / 30) < row.ci_high < 1 - 0.025 ** (1 / 15)
        assert np.isnan(row.p_t_test) and np.isnan(row.effect_size) and np.isnan(row.minimum_detectable)


def test_p_values_are_corrected_within_a_comparison():
    family = rows_of("skill")
    assert (family["n_tests"] == 3).all()
    assert family["p_holm"].tolist() == paired.holm(family["p_value"].tolist())
    assert family["p_bonferroni"].tolist() == [min(1, 3 * p) for p in family["p_value"]]
    single = compute([declare("single", "good", "fair", ["iou"])]).iloc[0]
    assert single["n_tests"] == 1 and single["p_holm"] == single["p_value"]


def test_correction_is_over_all_data_sets_of_a_comparison():
    cells = CELLS | {("other", *key[1:]): cell for key, cell in CELLS.items()}
    declared = [declare("x", "good", "fair", ["iou"], dataset=dataset) for dataset in ("set", "other")]
    rows = compute(declared, cells)
    assert rows["n_tests"].tolist() == [2, 2] and rows["dataset"].tolist() == ["set", "other"]
    assert rows["ci_low"].nunique() == 2  # each data set has its own resamples


def test_missing_values_have_a_note_and_do_not_count_as_tests():
    words = rows_of("words")
    assert words["n_tests"].tolist() == [1, 0] and pd.isna(words["p_value"][1]) and pd.isna(words["p_holm"][1])
    assert words["note"][1] == "not evaluable: spatial prompts name no concept (good, box)"
    absent = rows_of("absent")
    assert absent["difference"].isna().all() and absent["p_value"].isna().all() and (absent["n_tests"] == 0).all()
    assert set(absent["note"]) == {"skipped: weights not available (no access) (unavailable, box)"}
    numbers = ["p_value", "p_holm", "p_bonferroni", "p_t_test"]
    tested_rows = ROWS[ROWS[numbers].notna().any(axis=1)]
    assert (tested_rows["n_clusters"] > 1).all() and (tested_rows["n_instances"] > 0).all()


def test_undefined_value_is_not_compared():
    no_predictions = Cell(box_pairs(0.9).assign(n_predicted=0, tp=[[0] * 10] * len(box_pairs(0.9))))
    cells = CELLS | {("set", "empty", "box"): no_predictions}
    row = compute([declare("x", "empty", "good", ["precision"])], cells).iloc[0]
    assert row["note"].startswith("not evaluable: the value is undefined") and row["p_value"] is None
    assert (row["n_clusters"], row["n_clusters_total"]) == (0, no_predictions.pairs["image_id"].nunique())


def test_one_image_has_neither_interval_nor_test():
    cells = {key: Cell(cell.pairs[cell.pairs["image_id"] == 5]) for key, cell in CELLS.items()}
    row = compute([declare("x", "good", "fair", ["iou"])], cells).iloc[0]
    assert row["n_clusters"] == 1 and row["p_value"] is None and row["ci_low"] is None and row["p_t_test"] is None
    assert row["warning"] == "no interval: 1 of 1 image carries the value (at least 4)" and row["n_tests"] == 0


@pytest.mark.parametrize("n_groups", [1, 3, 4])
def test_few_groups_have_a_difference_and_from_four_an_interval_and_a_test(n_groups):
    row = compute(images=images_table(30, make_group=lambda image: str(image % n_groups))).iloc[0]
    assert (row["clusters"], row["n_clusters"], row["n_clusters_total"]) == ("group", n_groups, n_groups)
    assert row["difference"] == pytest.approx(rows_of("skill")["difference"][0], abs=1e-12)
    if n_groups < 4:
        assert pd.isna(row["ci_low"]) and pd.isna(row["p_value"]) and row["n_tests"] == 0
        assert row["warning"] == f"no interval: too few groups for an interval ({n_groups}; at least 4)"
    else:
        # With four groups, the observed signs and their reverse are 2 of 16 flips.
        assert row["ci_low"] < row["difference"] < row["ci_high"] and row["p_value"] == 2 / 16


def test_without_declared_pairs_there_are_no_rows():
    assert compute([]).empty


def test_a_family_that_is_too_large_for_its_images_says_so():
    # Six images with instances: p ≥ 1/32, which Holm doubles for two tests; alone it is below 0.05.
    images = images_table(7)
    pairs = {rate: to_box_prompts(random_results(3, images, match_rate=rate)[0]) for rate in (0.9, 0.2)}
    cells = {("set", "good", "box"): Cell(pairs[0.9]), ("set", "fair", "box"): Cell(pairs[0.2])}
    families = [declare("two", "good", "fair"), declare("one", "good", "fair", ["iou"])]
    rows = compute(families, cells, images).set_index("comparison")
    assert set(rows["n_clusters"]) == {6}
    assert rows.loc["two", "warning"].str.contains("cannot be significant: with 6 clusters").all()
    assert rows.loc["one", "warning"] is None
    assert rows.loc["one", "p_holm"] >= 1 / 32


def test_a_metric_of_steps_has_a_permutation_test_only():
    curves = {"good": [[0.5] * 3 + [0.9] * 17] * 12, "fair": [[0.5] * 6 + [0.9] * 14] * 12}
    fields = {"kind": "clicks", "evaluable": True, "exhaustive": True, "n_truth": 1}
    cells = {
        ("set", model, "box"): Cell(
            make_table(
                "pairs",
                [
                    {**fields, "prompt_id": str(image), "image_id": image + 1, "click_iou": curve}
                    for image, curve in enumerate(rows)
                ],
            )
        )
        for model, rows in curves.items()
    }
    (row,) = compute([declare("x", "good", "fair", ["upstream-clicks-80"])], cells, images_table(12)).to_dict("records")
    assert row["difference"] == -3 and row["p_value"] < 0.05
    assert row["p_t_test"] is None and row["effect_size"] is None and row["minimum_detectable"] is None


def test_rankings_and_pseudo_values_are_computed_once(monkeypatch):
    masks, prompts, truth, images = random_shard(3, n_images=12)
    tables = [match_shard(rows, prompts, truth, images, 0.5)[2] for rows in (masks, masks.iloc[::2])]
    cells = {("set", model, "p"): Cell(pairs) for model, pairs in zip(("good", "fair"), tables, strict=True)}
    n_rankings, n_evaluations = [], []
    make_ranking, evaluate_ranking = coco.RankedDetections.__init__, coco.RankedDetections.average_precision

    def count_ranking(self, *arguments):
        n_rankings.append(1)
        make_ranking(self, *arguments)

    def count_evaluation(self, weights, *arguments):
        n_evaluations.append(len(weights))
        return evaluate_ranking(self, weights, *arguments)

    monkeypatch.setattr(coco.RankedDetections, "__init__", count_ranking)
    monkeypatch.setattr(coco.RankedDetections, "average_precision", count_evaluation)
    declared = [declare("x", "good", "fair", ["map"], prompts="p", baseline_prompts="p")]
    (row,) = compute(declared, cells, images).to_dict("records")
    assert row["p_value"] is not None and row["p_t_test"] is not None and row["ci_low"] is not None
    n_phrases = tables[0]["phrase"].nunique()
    # For each cell: one ranking for the shared resamples, one for the value and the jackknife.
    assert len(n_rankings) == 2 * 2 * n_phrases
    assert sum(number == 12 for number in n_evaluations) == 2 * n_phrases
