"""The length of a training, and schedules that are instantiated from their description."""

import hydra
import pytest

from samgap.training.schedules import compute_rate, describe_schedule, resolve_steps


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"epochs": 40, "batch": 8}, {"steps": 515}),  # 103 images: 12.875 steps an epoch
        ({"epochs": 2, "batch": 1, "accumulate": 4, "warm-up-epochs": 0.5}, {"steps": 52, "warm-up": 13}),
        ({"steps": 7, "batch": 8, "warm-up": 3}, {"steps": 7, "warm-up": 3}),
        ({"steps": 7, "batch": 103, "warm-up-epochs": 3}, {"steps": 7, "warm-up": 3}),
    ],
)
def test_epochs_become_steps(options, expected):
    resolved = resolve_steps(options, 103)
    assert {key: resolved[key] for key in expected} == expected
    assert "epochs" not in resolved and "warm-up-epochs" not in resolved


def test_the_inverse_square_root_is_that_of_the_formula():
    options = {"steps": 50, "decay": "inverse-square-root", "warm-up": 5, "cool-down": 10, "timescale": 20}
    scheduler = hydra.utils.instantiate(describe_schedule(2.0, options))
    rates = [compute_rate(scheduler, step, options) for step in range(50)]
    assert rates[:6] == pytest.approx([0, 0.4, 0.8, 1.2, 1.6, 2.0])
    assert rates[25] == pytest.approx(2.0 / ((25 + 15) / 20) ** 0.5)
    assert rates[45] == pytest.approx(2.0 / (60 / 20) ** 0.5 * 5 / 10)
