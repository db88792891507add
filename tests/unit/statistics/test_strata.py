from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from samgap.metrics import load_metric
from samgap.statistics.strata import Cell
from samgap.tables.matching import IOU_THRESHOLDS
from tests.helpers.sums import images_table, random_results

IMAGES = images_table(8)
PAIRS, INSTANCES = random_results(3, IMAGES)
ANY = SimpleNamespace(BY_PHRASE=True, BY_INSTANCE=True)


def strata(metric=ANY, instances=INSTANCES):
    return dict(Cell(PAIRS, instances).iter_strata(metric))


def test_their_names():
    phrases = [f"phrase {number}" for number in range(4)]
    lights = ["lighting: dusk", "lighting: sun"]
    sizes = ["area: small", "area: medium", "area: large"]
    assert list(strata()) == ["all", *phrases, *lights, *sizes, "ripeness: ripe", "ripeness: unripe"]
    assert list(strata(SimpleNamespace(BY_PHRASE=False, BY_INSTANCE=False))) == ["all", *lights]
    assert list(strata(instances=None)) == ["all", *phrases, *lights]


def test_images_of_one_light():
    found = strata()
    assert found["all"] is PAIRS
    assert set(found["lighting: dusk"]["image_id"]) == {1, 3, 5, 7}
    assert len(found["lighting: dusk"]) + len(found["lighting: sun"]) == len(PAIRS)


def test_no_labels_no_strata():
    bare = Cell(PAIRS.assign(strata=None), INSTANCES.assign(attributes=None))
    assert [name for name, _ in bare.iter_strata(ANY) if ":" in name] == ["area: small", "area: medium", "area: large"]


@pytest.mark.parametrize("stratum", ["area: small", "area: medium", "area: large", "ripeness: ripe"])
def test_instances_of_a_kind_are_summed_as_if_they_alone_were_asked_for(stratum):
    area = INSTANCES["truth_area_px"]
    chosen = {
        "area: small": area < 32**2,
        "area: medium": (area >= 32**2) & (area < 96**2),
        "area: large": area >= 96**2,
        "ripeness: ripe": [row[0][1] == "ripe" for row in INSTANCES["attributes"]],
    }[stratum]
    wanted, pairs = INSTANCES[chosen], strata()[stratum]
    assert 0 < len(wanted) < len(INSTANCES)
    for row in pairs.itertuples():
        mine = wanted[wanted["prompt_id"] == row.prompt_id]
        assert row.n_truth == len(mine) > 0
        assert row.n_answered == mine["prediction_id"].notna().sum()
        assert row.sum_iou == pytest.approx(mine["iou"].sum()) and row.sum_dice == pytest.approx(mine["dice"].sum())
        assert list(row.tp) == [(mine["iou"] >= tau).sum() for tau in IOU_THRESHOLDS]
    assert set(pairs["prompt_id"]) == set(wanted["prompt_id"])
    # So the metric's own formula gives the mean over just these instances.
    metric = load_metric("iou")
    sums = {name: term.sum(axis=0, keepdims=True) for name, term in metric.sufficient_statistics(pairs).items()}
    assert metric.compute(sums)[0] == pytest.approx(wanted["iou"].mean())


def test_all_parts_of_an_attribute_are_the_whole():
    found = strata()
    for name in ("n_truth", "sum_iou", "n_answered"):
        parts = [found[f"ripeness: {value}"][name].sum() for value in ("ripe", "unripe")]
        assert sum(parts) == pytest.approx(PAIRS[name].sum())
    hits = [np.sum(found[f"ripeness: {value}"]["tp"].tolist(), axis=0) for value in ("ripe", "unripe")]
    assert np.array_equal(np.sum(hits, axis=0), np.sum(PAIRS["tp"].tolist(), axis=0))


def test_masks_that_are_false_belong_to_no_instance():
    false = INSTANCES.iloc[:3].assign(truth_id=pd.NA, iou=np.nan, outcome="false")
    more = pd.concat([INSTANCES, false.astype(INSTANCES.dtypes.drop("truth_id"))], ignore_index=True)
    for name, pairs in strata(instances=more).items():
        pd.testing.assert_frame_equal(pairs, strata()[name])
