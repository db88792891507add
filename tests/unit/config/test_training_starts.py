"""What a training starts from, by its `start` and its model."""

import pytest

from samgap.config.training_starts import find_previous_training, find_start

CONFIG = {
    "models": {"published": {"weights": {"url": "http://x"}}, "tuned": {"weights": {"training": "first"}}},
    "trainings": {
        "random": {"model": "published", "start": "scratch"},
        "first": {"model": "published"},
        "second": {"model": "published", "start": "first"},
        "further": {"model": "tuned"},
    },
}


@pytest.mark.parametrize(
    ("training", "start", "previous"),
    [
        ("random", None, None),
        ("first", ("models", "published"), None),
        ("second", ("trainings", "first"), "first"),
        ("further", ("models", "tuned"), "first"),
    ],
)
def test_a_training_starts_from_its_model_unless_it_says_otherwise(training, start, previous):
    assert find_start(CONFIG, training) == start
    assert find_previous_training(CONFIG, training) == previous
