import numpy as np
import pandas as pd
import pytest
from scipy import stats

from samgap.statistics import bootstrap, paired
from samgap.statistics.comparisons import compute_comparisons
from samgap.statistics.estimates import compute_estimates
from samgap.statistics.strata import Cell
from samgap.tables.statistics import COMPARISONS
from tests.helpers.sums import images_table, make_table, random_results, to_box_prompts

IMAGES = images_table(30)
SKILLS = {"good": 0.9, "fair": 0.6, "same": 0.9}
STATISTICS = {"resamples": 2000, "confidence": 0.95}


def boxes(skill):
    return to_box_prompts(random_results(3, IMAGES, match_rate=skill)[0])


CELLS = {("set", model, "box"): Cell(boxes(skill)) for model, skill in SKILLS.items()}
CELLS["set", "words", "concepts"] = Cell(random_results(4, IMAGES)[0])
CELLS["set", "away", "box"] = Cell(make_table("pairs", []), skip_reason="weights not available (no access)")


def pair(comparison, model, baseline, metrics=("iou", "recall"), prompts="box", baseline_prompts="box", dataset="set"):
    return {
        **{"comparison": comparison, "dataset": dataset, "model": model, "prompts": prompts},
        **{"baseline_model": baseline, "baseline_prompts": baseline_prompts, "metrics": list(metrics)},
    }


DECLARED = [
    pair("skill", "good", "fair"),
    pair("same", "same", "good"),
    pair("skill", "fair", "good", ["dice"]),
    pair("words", "words", "good", ["iou", "pmf1"], prompts="concepts"),
    pair("absent", "away", "good"),
    pair("absent", "words", "away", ["pmf1"], prompts="concepts"),
]


def made(declared=DECLARED, cells=CELLS, images=IMAGES, seed=1):
    found = compute_comparisons(cells.get, {"set": images, "other": images}, declared, STATISTICS, seed)
    return pd.DataFrame(list(found))


ROWS = made()


def of(comparison):
    return ROWS[ROWS["comparison"] == comparison].reset_index(drop=True)


def test_every_pair_and_metric_has_its_row_by_family(tmp_path):
    COMPARISONS.write(tmp_path / "one", ROWS)
    assert len(COMPARISONS.read(tmp_path / "one")) == len(ROWS) == 10
    assert ROWS["comparison"].tolist() == ["skill"] * 3 + ["same"] * 2 + ["words"] * 2 + ["absent"] * 3
    COMPARISONS.write(tmp_path / "two", made())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_difference_with_its_paired_interval():
    row = of("skill").iloc[0]
    estimated = pd.DataFrame(
        compute_estimates(
            CELLS.get, {"set": IMAGES},
            {"e": {"datasets": ["set"], "models": ["good", "fair"], "prompts": ["box"], "metrics": ["iou"]}},
            STATISTICS, 1,
        )
    )  # fmt: skip
    whole = estimated[estimated["stratum"] == "all"].set_index("model")
    assert (row["value"], row["baseline_value"]) == (whole.at["good", "value"], whole.at["fair", "value"])
    assert row["difference"] == row["value"] - row["baseline_value"] > 0
    # The same draws as those of the estimates: each resample's difference is that of its two values.
    sums = {}
    for model in ("good", "fair"):
        pairs = CELLS["set", model, "box"].pairs
        images = pairs["image_id"].to_numpy() - 1
        sums[model] = [np.bincount(images, pairs[name], 30) for name in ("sum_iou", "n_truth")]
    weights = np.concatenate(list(bootstrap.draw_counts(30, 2000, bootstrap.seeded_generator(1, "resamples", "set"))))
    values = {model: weights @ part[0] / (weights @ part[1]) for model, part in sums.items()}
    for model, value in values.items():
        low, high = bootstrap.percentile_interval(value, whole.at[model, "n_clusters"], 0.95)
        assert (low, high) == pytest.approx(tuple(whole.loc[model, ["ci_low", "ci_high"]]), abs=1e-12)
    low, high = bootstrap.percentile_interval(values["good"] - values["fair"], row["n_clusters"], 0.95)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((low, high), abs=1e-12)
    assert row["ci_low"] < row["difference"] < row["ci_high"]


def test_tests_agree_on_what_differs_and_turning_it_round_turns_the_signs():
    one = of("skill").set_index("metric").loc["iou"]
    assert one["p_value"] < 0.01 and one["p_t_test"] < 0.01
    assert 0 < one["effect_low"] < one["effect_size"] < one["effect_high"]
    assert 0 < one["minimum_detectable"] < one["difference"]
    there, back = (made([pair("x", *models, ["iou"])]).iloc[0] for models in (("good", "fair"), ("fair", "good")))
    assert there["p_value"] == back["p_value"] and there["p_t_test"] == pytest.approx(back["p_t_test"])
    for name, other in (
        ("difference",) * 2,
        ("effect_size",) * 2,
        ("ci_low", "ci_high"),
        ("effect_low", "effect_high"),
    ):
        assert there[name] == pytest.approx(-back[other])


def test_per_image_differences_of_equal_weight_are_scipys():
    random = np.random.default_rng(0)
    sums = {model: random.uniform(0, 4, 12) for model in ("good", "fair")}
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
                        "sum_iou": each,
                    }
                    for k, each in enumerate(values)
                ],
            )
        )
        for model, values in sums.items()
    }
    row = made([pair("x", "good", "fair", ["iou"])], cells, images).iloc[0]
    first, second = sums["good"] / 4, sums["fair"] / 4
    assert row["p_t_test"] == pytest.approx(stats.ttest_rel(first, second).pvalue, abs=1e-9)
    exact = stats.permutation_test(
        (first, second), lambda a, b: np.mean(a) - np.mean(b), permutation_type="samples", n_resamples=np.inf,
        vectorized=False,
    ).pvalue  # fmt: skip
    # 2^12 swaps are more than the resamples asked for here, so ours are random.
    assert row["p_value"] == pytest.approx(exact, abs=0.04)
    assert (row["n_clusters"], row["n_instances"], row["baseline_n_instances"]) == (12, 48, 48)


def test_cells_that_agree_differ_by_nothing():
    for row in of("same").itertuples():
        assert row.difference == row.ci_low == row.ci_high == 0 and row.p_value == 1
        assert np.isnan(row.p_t_test) and np.isnan(row.effect_size) and np.isnan(row.minimum_detectable)


def test_p_values_are_corrected_within_their_family():
    family = of("skill")
    assert (family["n_tests"] == 3).all()
    assert family["p_holm"].tolist() == paired.holm(family["p_value"].tolist())
    assert family["p_bonferroni"].tolist() == [min(1, 3 * p) for p in family["p_value"]]
    alone = made([pair("alone", "good", "fair", ["iou"])]).iloc[0]
    assert alone["n_tests"] == 1 and alone["p_holm"] == alone["p_value"]


def test_a_family_goes_across_data_sets():
    cells = CELLS | {("other", *key[1:]): cell for key, cell in CELLS.items()}
    both = [pair("x", "good", "fair", ["iou"], dataset=dataset) for dataset in ("set", "other")]
    rows = made(both, cells)
    assert rows["n_tests"].tolist() == [2, 2] and rows["dataset"].tolist() == ["set", "other"]
    assert rows["ci_low"].nunique() == 2  # data sets are drawn apart


def test_what_has_no_value_says_why_and_is_no_test():
    words = of("words")
    assert words["n_tests"].tolist() == [1, 0] and pd.isna(words["p_value"][1]) and pd.isna(words["p_holm"][1])
    assert words["note"][1] == "not evaluable: spatial prompts name no concept (good, box)"
    absent = of("absent")
    assert absent["difference"].isna().all() and absent["p_value"].isna().all() and (absent["n_tests"] == 0).all()
    assert set(absent["note"]) == {"skipped: weights not available (no access) (away, box)"}
    numbers = ["p_value", "p_holm", "p_bonferroni", "p_t_test"]
    with_p = ROWS[ROWS[numbers].notna().any(axis=1)]
    assert (with_p["n_clusters"] > 1).all() and (with_p["n_instances"] > 0).all()


def test_an_undefined_value_is_not_compared():
    silent = Cell(boxes(0.9).assign(n_predicted=0, tp=[[0] * 10] * len(boxes(0.9))))
    cells = CELLS | {("set", "silent", "box"): silent}
    row = made([pair("x", "silent", "good", ["precision"])], cells).iloc[0]
    assert row["note"].startswith("not evaluable: the value is undefined") and row["p_value"] is None
    assert row["n_clusters"] > 0


def test_one_image_gives_no_interval_and_no_evidence():
    cells = {key: Cell(cell.pairs[cell.pairs["image_id"] == 5]) for key, cell in CELLS.items()}
    row = made([pair("x", "good", "fair", ["iou"])], cells).iloc[0]
    assert row["n_clusters"] == 1 and row["p_value"] == 1 and row["ci_low"] is None and row["p_t_test"] is None
    assert "one image alone" in row["warning"]


def test_few_groups_are_warned_of():
    row = made(images=images_table(30, make_group=lambda image: str(image % 3))).iloc[0]
    assert row["clusters"] == "image" and "only 3 groups" in row["warning"]


def test_nothing_declared_nothing_compared():
    assert made([]).empty
