"""Losses of first prompts and corrective clicks."""

import numpy as np
import pytest

from samgap.training.sam2 import prompt_losses
from samgap.training.sam2 import task as sam2
from samgap.training.tasks import DatasetSource
from tests.helpers import training_tasks

TERMS = ("loss_mask", "loss_dice", "loss_iou", "loss_class", "total")


@pytest.fixture
def open_task(discs):
    def open_task(file, **options):
        source, validation = (DatasetSource(discs, discs / name) for name in (file, "masks.json"))
        options = {"image-size": 64, **options}
        return training_tasks.open_task(
            sam2, training_tasks.SAM2_MODEL, source, None, validation=validation, seed=3, **options
        )

    return open_task


def test_clicks_on_an_estimated_mask_have_no_loss(open_task, monkeypatch):
    task = open_task("boxes.json", clicks=2)
    weights, compute_losses = [], prompt_losses.compute_losses
    monkeypatch.setattr(
        prompt_losses,
        "compute_losses",
        lambda *arguments: weights.extend(arguments[4].tolist()) or compute_losses(*arguments),
    )
    losses = [float(training_tasks.compute_losses(task, seed)["total"].detach()) for seed in range(4)]
    assert all(np.isfinite(losses))
    assert 0.0 in weights and 0 < max(weights) <= 0.5


def test_the_terms_are_sums_over_the_prompts_of_all_kinds_and_their_clicks(open_task, monkeypatch):
    task, calls, compute_losses = open_task("masks.json", clicks=2, batch=8), [], prompt_losses.compute_losses
    monkeypatch.setattr(
        prompt_losses, "compute_losses", lambda *arguments: calls.append(compute_losses(*arguments)) or calls[-1]
    )
    terms = training_tasks.compute_losses(task, 1)
    assert len(calls) > 2 and set(terms) == set(TERMS)
    for name in TERMS:
        assert float(terms[name].detach()) == pytest.approx(sum(float(call[name].detach()) for call in calls), rel=1e-5)
