import numpy as np
import pandas as pd
import pytest

from samgap.metrics import evaluate
from samgap.metrics.attribute_accuracy import confusion_matrix
from samgap.statistics import bootstrap
from samgap.statistics.confusions import compute_confusions
from samgap.statistics.strata import Cell
from samgap.tables.statistics import CONFUSIONS
from tests.helpers.again import ReferenceShard

WORLD = ReferenceShard(1, n_images=12, with_extra_errors=True)
PAIRS = WORLD.pairs.reset_index(drop=True)
IMAGES = WORLD.images.assign(strata=None)
STATISTICS = {"resamples": 400, "confidence": 0.95}
CELLS = {
    ("set", "words", "p"): Cell(PAIRS),
    ("set", "away", "p"): Cell(PAIRS.iloc[:0], skip_reason="weights not available (no access)"),
    ("set", "boxes", "p"): Cell(PAIRS[PAIRS["kind"] == "clicks"]),
}


def made(metrics=("iou", "attribute-accuracy"), cells=CELLS, models=("words", "away", "boxes")):
    experiment = {"datasets": ["set"], "models": list(models), "prompts": ["p"], "metrics": list(metrics)}
    # Asked for twice, told once.
    both = {"one": experiment, "two": experiment}
    return pd.DataFrame(list(compute_confusions(cells.get, {"set": IMAGES}, both, STATISTICS, 3)))


ROWS = made()


def test_counts_are_those_of_the_whole_table(tmp_path):
    CONFUSIONS.write(tmp_path / "c.parquet", ROWS)
    assert len(CONFUSIONS.read(tmp_path / "c.parquet")) == len(ROWS)
    assert set(ROWS["model"]) == {"words"} and set(ROWS["attribute"]) == {"ripeness"}
    counts = confusion_matrix(PAIRS, "ripeness")
    for row in ROWS.itertuples():
        known = row.value in counts.index and row.claimed in counts.columns
        assert row.n_claimed == (counts.at[row.value, row.claimed] if known else 0)
    assert ROWS["n_claimed"].sum() == counts.to_numpy().sum() and (ROWS["n_claimed"] > 0).sum() > 2


def test_shares_of_a_value_sum_to_one_and_tell_the_accuracy():
    assert ROWS.groupby("value")["share"].sum().to_numpy() == pytest.approx(1)
    right = ROWS[ROWS["claimed"] == ROWS["value"]]
    strict = right["n_claimed"].sum() / right["n_instances"].sum()
    assert strict == pytest.approx(evaluate("attribute-accuracy-strict", PAIRS))


def test_intervals_are_of_the_images_drawn():
    weights = np.concatenate(list(bootstrap.draw_counts(12, 400, bootstrap.seeded_generator(3, "resamples", "set"))))
    images = PAIRS["image_id"].to_numpy() - 1
    for row in ROWS.itertuples():
        asked = [attributes == [("ripeness", row.value)] for attributes in PAIRS["attributes"]]
        counts = [dict(value or ()) if keep else {} for keep, value in zip(asked, PAIRS["claimed"], strict=True)]
        part = np.bincount(images, [each.get(row.claimed, 0) for each in counts], 12)
        whole = np.bincount(images, [sum(each.values()) for each in counts], 12)
        with np.errstate(invalid="ignore"):
            drawn = weights @ part / (weights @ whole)
        low, high = bootstrap.percentile_interval(drawn, int((whole > 0).sum()), 0.95)
        assert (row.ci_low, row.ci_high) == pytest.approx((low, high), abs=1e-12) and low <= row.share <= high


def test_where_it_is_not_asked_for_there_is_no_row():
    assert made(metrics=["iou"]).empty and made(models=["away", "boxes"]).empty
