"""Strata of a cell: names, rows, and sums restricted to some instances."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from samgap.metrics import METRIC_REGISTRY, load_metric
from samgap.statistics.strata import Cell
from samgap.tables.matching import IOU_THRESHOLDS
from tests.helpers.sums import images_table, random_results

IMAGES = images_table(8)
PAIRS, INSTANCES = random_results(3, IMAGES)
ALL_STRATA = SimpleNamespace(by_phrase=True, by_instance=True)
AREA_STRATA = ["area: small", "area: medium", "area: large"]


def strata(metric=ALL_STRATA, instances=INSTANCES):
    return dict(Cell(PAIRS, instances).iter_strata(metric))


def test_names_depend_on_the_flags_of_the_metric_and_on_the_tables():
    phrases = [f"phrase {number}" for number in range(4)]
    lightings = ["lighting: dusk", "lighting: sun"]
    attributes = ["ripeness: ripe", "ripeness: unripe"]
    assert list(strata()) == ["all", *phrases, *lightings, *AREA_STRATA, *attributes]
    assert list(strata(SimpleNamespace(by_phrase=False, by_instance=False))) == ["all", *lightings]
    assert list(strata(instances=None)) == ["all", *phrases, *lightings]


def test_stratum_of_images_has_the_rows_of_these_images():
    by_name = strata()
    assert by_name["all"] is PAIRS
    assert set(by_name["lighting: dusk"]["image_id"]) == {1, 3, 5, 7}
    assert len(by_name["lighting: dusk"]) + len(by_name["lighting: sun"]) == len(PAIRS)


def test_without_labels_there_are_only_area_strata():
    cell = Cell(PAIRS.assign(strata=None), INSTANCES.assign(attributes=None))
    assert [name for name, _ in cell.iter_strata(ALL_STRATA) if ":" in name] == AREA_STRATA


@pytest.mark.parametrize("stratum", [*AREA_STRATA, "ripeness: ripe"])
def test_stratum_of_instances_has_sums_over_these_instances(stratum):
    area = INSTANCES["truth_area_px"]
    # As in COCO, instances of exactly 32² px are small and medium; the table has such instances.
    is_selected = {
        "area: small": area <= 32**2,
        "area: medium": (area >= 32**2) & (area <= 96**2),
        "area: large": area >= 96**2,
        "ripeness: ripe": [attributes[0][1] == "ripe" for attributes in INSTANCES["attributes"]],
    }[stratum]
    selected, pairs = INSTANCES[is_selected], strata()[stratum]
    assert 0 < len(selected) < len(INSTANCES) and {32**2, 96**2} <= set(area)
    for row in pairs.itertuples():
        instances = selected[selected["prompt_id"] == row.prompt_id]
        assert row.n_truth == len(instances) > 0
        assert row.n_answered == instances["prediction_id"].notna().sum()
        assert row.sum_iou == pytest.approx(instances["iou"].sum())
        assert row.sum_dice == pytest.approx(instances["dice"].sum())
        assert list(row.tp) == [(instances["iou"] >= threshold).sum() for threshold in IOU_THRESHOLDS]
    assert set(pairs["prompt_id"]) == set(selected["prompt_id"])
    # So the metric's formula gives the mean over these instances.
    metric = load_metric("iou")
    sums = {name: rows.sum(axis=0, keepdims=True) for name, rows in metric.sufficient_statistics(pairs).items()}
    assert metric.compute(sums)[0] == pytest.approx(selected["iou"].mean())


def test_sums_over_all_values_of_an_attribute_are_the_total():
    parts = [strata()[f"ripeness: {value}"] for value in ("ripe", "unripe")]
    for name in ("n_truth", "sum_iou", "n_answered"):
        assert sum(part[name].sum() for part in parts) == pytest.approx(PAIRS[name].sum())
    true_positives = [np.sum(part["tp"].tolist(), axis=0) for part in parts]
    assert np.array_equal(np.sum(true_positives, axis=0), np.sum(PAIRS["tp"].tolist(), axis=0))


@pytest.mark.parametrize("metric", [id for id in METRIC_REGISTRY if load_metric(id).by_instance])
def test_strata_of_instances_are_those_of_the_metric(metric):
    """A metric that reads a column of whole prompts, such as matches at another score, is not one of instances."""
    metric = load_metric(metric)

    def sum_statistics(pairs):
        rows = pairs[metric.row_mask(pairs)]
        return {name: each.sum(axis=0) for name, each in metric.sufficient_statistics(rows).items()}

    parts = [sum_statistics(strata()[f"ripeness: {value}"]) for value in ("ripe", "unripe")]
    for name, total in sum_statistics(PAIRS).items():
        assert sum(part[name] for part in parts) == pytest.approx(total), name


def test_false_positives_are_in_no_stratum_of_instances():
    false_positives = INSTANCES.iloc[:3].assign(truth_id=pd.NA, iou=np.nan, outcome="false")
    instances = pd.concat([INSTANCES, false_positives.astype(INSTANCES.dtypes.drop("truth_id"))], ignore_index=True)
    for name, pairs in strata(instances=instances).items():
        pd.testing.assert_frame_equal(pairs, strata()[name])


def test_no_two_strata_have_the_same_name():
    images = [("level", "complex"), ("lighting", "dusk"), ("polarity", "negated")]
    pairs = PAIRS.assign(
        phrase=PAIRS["phrase"].replace({"phrase 0": "all", "phrase 1": "area: small", "phrase 2": "level: complex"}),
        level=np.where(PAIRS["phrase"] == "phrase 3", "complex", "simple"),
        strata=[images] * len(PAIRS),
    )
    instances = INSTANCES.assign(
        attributes=[[("area", "small"), ("lighting", "dusk"), ("ripeness", "ripe")]] * len(INSTANCES)
    )
    names = [name for name, _ in Cell(pairs, instances).iter_strata(ALL_STRATA)]
    assert len(names) == len(set(names))
    assert names == [
        *("all", '"all"', '"area: small"', '"level: complex"', "phrase 3"),
        *("image level: complex", "image polarity: negated", "lighting: dusk", "level: complex", "level: simple"),
        *AREA_STRATA,
        *("attribute area: small", "attribute lighting: dusk", "ripeness: ripe"),
    ]
    small = dict(Cell(pairs, instances).iter_strata(ALL_STRATA))["area: small"]
    pd.testing.assert_series_equal(small["n_truth"], strata()["area: small"]["n_truth"])
