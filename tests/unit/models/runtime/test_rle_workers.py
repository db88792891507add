"""Worker threads that encode masks."""

import pytest

from samgap.models import Prediction
from samgap.models.runtime.rle_workers import rle_worker_pool, run_in_pool

PREDICTIONS = [Prediction(0.5, (0, 0, 1, 1), 1, b"11")]


def test_predictions_are_computed_at_once_without_a_pool_and_later_in_a_pool():
    assert run_in_pool(lambda: PREDICTIONS) is PREDICTIONS
    with rle_worker_pool(1):
        pending = run_in_pool(lambda: PREDICTIONS)
        assert pending is not PREDICTIONS and list(pending) == PREDICTIONS


def test_error_in_a_worker_is_raised_where_the_predictions_are_read():
    with rle_worker_pool(1), pytest.raises(ZeroDivisionError):
        list(run_in_pool(lambda: 1 / 0))
