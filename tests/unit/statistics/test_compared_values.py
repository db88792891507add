"""Comparisons within strata, of two strata, and of two data sets."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from samgap.statistics.comparisons import compute_comparisons
from samgap.statistics.estimates import compute_estimates
from samgap.statistics.strata import Cell
from samgap.tables.statistics import COMPARISONS
from tests.helpers.comparing import declare_pair
from tests.helpers.sums import images_table, make_table, random_results, to_box_prompts

IMAGES = {"set": images_table(30), "other": images_table(22)}
SETTINGS = {"resamples": 1000, "confidence": 0.95}


def make_cell(seed, dataset, match_rate):
    pairs, instances = random_results(seed, IMAGES[dataset], match_rate=match_rate)
    return Cell(to_box_prompts(pairs), instances)


CELLS = {
    ("set", "good", "box"): make_cell(3, "set", 0.9),
    ("set", "fair", "box"): make_cell(3, "set", 0.5),
    ("other", "good", "box"): make_cell(7, "other", 0.6),
    ("set", "absent", "box"): Cell(make_table("pairs", []), skip_reason="no access"),
    ("set", "words", "box"): Cell(*random_results(5, IMAGES["set"])),
}
EXPERIMENT = {"datasets": ["set"], "models": ["good", "fair"], "prompts": ["box"], "metrics": ["iou"]}
ESTIMATES = pd.DataFrame(compute_estimates(CELLS.get, IMAGES, {"e": EXPERIMENT}, SETTINGS, 1))


def compare(*declared):
    return pd.DataFrame(list(compute_comparisons(CELLS.get, IMAGES, declared, SETTINGS, 1)))


def estimate(model, stratum):
    rows = ESTIMATES[(ESTIMATES["model"] == model) & (ESTIMATES["stratum"] == stratum)]
    return rows["value"].item()


def test_a_pair_is_compared_in_each_stratum_of_the_attributes():
    rows = compare(declare_pair("c", "good", "fair", ["iou"], strata=["area", "ripeness", "lighting"]))
    strata = ["all", "area: small", "area: medium", "area: large", "ripeness: ripe", "ripeness: unripe"]
    assert rows["stratum"].tolist() == rows["baseline_stratum"].tolist() == [*strata, "lighting: dusk", "lighting: sun"]
    for row in rows.itertuples():
        assert row.value == estimate("good", row.stratum) and row.baseline_value == estimate("fair", row.stratum)
        assert row.ci_low < row.difference < row.ci_high and row.pairing == "paired"
    # All of them are corrected together.
    assert set(rows["n_tests"]) == {8}
    assert rows["p_bonferroni"].tolist() == [min(1, 8 * p) for p in rows["p_value"]]


def test_the_whole_data_set_is_compared_as_without_strata():
    whole = compare(declare_pair("c", "good", "fair", ["iou"])).iloc[0]
    row = compare(declare_pair("c", "good", "fair", ["iou"], strata=["area"])).iloc[0]
    corrected = ["p_holm", "p_bonferroni", "n_tests"]
    pd.testing.assert_series_equal(row.drop(corrected), whole.drop(corrected))


def test_an_attribute_without_strata_has_one_row_with_the_reason():
    rows = compare(declare_pair("c", "good", "fair", ["iou"], strata=["occlusion"]))
    assert rows["stratum"].tolist() == ["all", "occlusion"]
    assert rows["note"][1] == "not evaluable: no stratum “occlusion” of iou (good, box)"
    assert rows["n_tests"].tolist() == [1, 0] and np.isnan(rows["p_value"][1])


def test_strata_of_a_skipped_cell_are_skipped():
    rows = compare(declare_pair("c", "absent", "good", ["iou"], strata=["lighting"]))
    assert rows["stratum"].tolist() == ["all", "lighting: dusk", "lighting: sun"]
    assert set(rows["note"]) == {"skipped: no access (absent, box)"}


def test_two_strata_of_the_same_images_are_paired():
    pair = declare_pair("c", "good", "good", ["iou"], stratum="area: small", baseline_stratum="area: large")
    row = compare(pair).iloc[0]
    assert (row["stratum"], row["baseline_stratum"]) == ("area: small", "area: large")
    assert (row["value"], row["baseline_value"]) == (estimate("good", "area: small"), estimate("good", "area: large"))
    assert row["pairing"] == "paired" and row["ci_low"] < row["difference"] < row["ci_high"]
    assert row["p_value"] > 0.05  # the random IoUs do not depend on the area


def test_strata_of_different_images_are_two_samples():
    pair = declare_pair("c", "good", "good", ["iou"], stratum="lighting: sun", baseline_stratum="lighting: dusk")
    row = compare(pair).iloc[0]
    assert row["pairing"] == "unpaired" and row["n_clusters"] <= 15
    assert row["difference"] == estimate("good", "lighting: sun") - estimate("good", "lighting: dusk")


def test_two_data_sets_are_two_samples():
    row = compare(declare_pair("c", "good", "good", ["iou"], baseline_dataset="other")).iloc[0]
    assert (row["dataset"], row["baseline_dataset"], row["pairing"]) == ("set", "other", "unpaired")
    assert row["value"] == estimate("good", "all")
    assert row["ci_low"] < row["difference"] < row["ci_high"] and row["p_value"] < 0.05 and row["p_t_test"] < 0.05
    assert 0 < row["effect_low"] < row["effect_size"] < row["effect_high"] and row["minimum_detectable"] > 0
    # The interval is as wide as that of independent values.
    widths = []
    for dataset in ("set", "other"):
        experiment = {**EXPERIMENT, "datasets": [dataset], "models": ["good"]}
        (whole, *_) = compute_estimates(CELLS.get, IMAGES, {"e": experiment}, SETTINGS, 1)
        widths.append(whole["ci_high"] - whole["ci_low"])
    assert row["ci_high"] - row["ci_low"] == pytest.approx(np.hypot(*widths), rel=0.1)


def test_the_test_of_two_data_sets_of_equal_weights_is_welchs():
    rng, cells, samples = np.random.default_rng(2), {}, {}
    for dataset, n in (("set", 30), ("other", 22)):
        samples[dataset] = rng.uniform(0, 1, n)
        fields = {"kind": "box", "evaluable": True, "exhaustive": True, "n_truth": 1}
        rows = [
            {**fields, "prompt_id": str(k), "image_id": k + 1, "sum_iou": iou} for k, iou in enumerate(samples[dataset])
        ]
        cells[dataset, "good", "box"] = Cell(make_table("pairs", rows))
    pair = declare_pair("c", "good", "good", ["iou"], baseline_dataset="other")
    (row,) = compute_comparisons(cells.get, IMAGES, [pair], SETTINGS, 1)
    expected = stats.ttest_ind(samples["set"], samples["other"], equal_var=False).pvalue
    assert row["p_t_test"] == pytest.approx(expected) and row["p_value"] == pytest.approx(expected, abs=0.04)


def test_few_clusters_of_one_data_set_have_a_difference_alone():
    few = {("other", "good", "box"): Cell(CELLS["other", "good", "box"].pairs.query("image_id <= 3"))}
    pair = declare_pair("c", "good", "good", ["iou"], baseline_dataset="other")
    (row,) = compute_comparisons((CELLS | few).get, IMAGES, [pair], SETTINGS, 1)
    assert row["difference"] is not None and row["ci_low"] is None and row["p_value"] is None
    assert row["warning"].startswith("no interval: ") and row["n_clusters"] <= 3


def test_the_rows_fit_the_table(tmp_path):
    declared = [
        declare_pair("a", "good", "fair", ["iou", "recall"], strata=["area"]),
        declare_pair("b", "good", "good", ["iou"], baseline_dataset="other"),
        declare_pair("b", "words", "good", ["iou"], baseline_dataset="other", stratum="phrase 1"),
    ]
    COMPARISONS.write(tmp_path / "rows.parquet", compare(*declared))
    assert len(COMPARISONS.read(tmp_path / "rows.parquet")) == 8 + 2
