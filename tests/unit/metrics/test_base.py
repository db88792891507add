"""Properties of every metric: its range, its sums and weights, and the rows that count."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from samgap.matching.shard import match_shard
from samgap.metrics import load_metric, reasons
from samgap.metrics.base import RankedMetric
from samgap.tables.matching import PAIRS as PAIRS_TABLE
from tests.helpers.metric_pairs import EVALUABLE_IDS, METRIC_IDS, PAIRS
from tests.helpers.scenes import constant_flow, random_sequences, random_tagged_shard
from tests.helpers.sums import evaluate


@pytest.fixture(scope="module")
def random_pairs():
    tables = []
    for seed in range(3):
        video = match_shard(*random_sequences(seed), 0.5, constant_flow, chosen_score=0.4)[2]
        pairs = [
            PAIRS_TABLE.add_missing_columns(each)
            for each in (match_shard(*random_tagged_shard(seed, several_masks=True), 0.5, chosen_score=0.4)[2], video)
        ]
        arrow = [
            pa.Table.from_pandas(each[PAIRS_TABLE.columns], PAIRS_TABLE.schema, preserve_index=False) for each in pairs
        ]
        tables.append(pa.concat_tables(arrow).to_pandas())
    return tables


@pytest.mark.parametrize("metric_id", METRIC_IDS)
def test_value_is_in_range_and_does_not_change_with_the_number_of_copies(metric_id, random_pairs):
    metric = load_metric(metric_id)
    low, high = metric.value_range
    for pairs in random_pairs:
        assert metric.not_evaluable_reason(pairs) is None
        row_mask = metric.row_mask(pairs)
        assert row_mask.dtype == bool and row_mask.shape == (len(pairs),) and row_mask.any()
        if isinstance(metric, RankedMetric):
            resampler = metric.make_resampler(pairs[row_mask], np.zeros(row_mask.sum(), int), None)
            values = resampler(np.array([[1.0], [2.0]]))
        else:
            statistics = metric.sufficient_statistics(pairs[row_mask])
            assert all(rows.dtype == np.float64 and len(rows) == row_mask.sum() for rows in statistics.values())
            sums = {name: rows.sum(axis=0, keepdims=True) for name, rows in statistics.items()}
            values = metric.compute({name: np.concatenate([total, 2 * total]) for name, total in sums.items()})
        assert values.shape == (2,) and low <= values[0] <= high
        assert values[0] == pytest.approx(evaluate(metric_id, pairs), abs=1e-12)


@pytest.mark.parametrize(
    "metric_id", ["map", "map-medium", "box-map-coco", "prompt-sensitivity-sd", "prompt-sensitivity-worst"]
)
def test_weights_of_a_ranked_metric_are_numbers_of_copies(metric_id, random_pairs):
    metric, rng = load_metric(metric_id), np.random.default_rng(3)
    pairs = random_pairs[0][metric.row_mask(random_pairs[0])]
    codes, image_ids = pd.factorize(pairs["image_id"])
    weights = rng.integers(0, 3, (5, len(image_ids))).astype(float)
    values = metric.make_resampler(pairs, codes, None)(weights)
    for value, row in zip(values, weights, strict=True):
        sampled_codes = np.repeat(np.arange(len(image_ids)), row.astype(int))
        copies = [pairs[codes == code].assign(image_id=new_id) for new_id, code in enumerate(sampled_codes)]
        assert value == pytest.approx(evaluate(metric_id, pd.concat(copies)), abs=1e-12)


@pytest.mark.parametrize("metric_id", EVALUABLE_IDS)
def test_row_mask_and_reason_do_not_depend_on_predictions(metric_id):
    metric, no_predictions = (
        load_metric(metric_id),
        PAIRS.assign(n_predicted=0, tp=[[0] * 10] * len(PAIRS), sum_iou=0.0),
    )
    assert metric.row_mask(PAIRS).tolist() == metric.row_mask(no_predictions).tolist()
    assert metric.not_evaluable_reason(no_predictions) is None


@pytest.mark.parametrize("metric_id", [name for name in METRIC_IDS if name not in ("prompts-per-image", "leakage")])
def test_prompts_that_are_not_evaluable_do_not_count(metric_id):
    if metric_id in EVALUABLE_IDS:
        value = evaluate(metric_id, PAIRS[PAIRS["evaluable"]])
        assert evaluate(metric_id, PAIRS) == pytest.approx(value, abs=0, nan_ok=True)
    assert load_metric(metric_id).not_evaluable_reason(PAIRS[~PAIRS["evaluable"]]) == reasons.NO_GROUND_TRUTH
