"""Training tasks of the demo's architectures on small images, and the check that a task's losses fall."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from samgap.models.runtime.device import cuda_shim
from samgap.training import loop
from samgap.training.batches import sample_seeded_batch
from samgap.training.tasks import Score

DEMO = Path(__file__).parents[2] / "config" / "demo"
SAM2_MODEL = {
    "config": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "overrides": yaml.safe_load((DEMO / "sam2-demo.overrides.yaml").read_text(encoding="utf-8")),
}
SAM3_MODEL = {"architecture": yaml.safe_load((DEMO / "sam3-demo.architecture.yaml").read_text(encoding="utf-8"))}
PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "orange", "noun": "orange"},
    {"phrase": "leaf", "other": True},
]
DEFAULTS = {"batch": 2, "objects": 4, "negatives": 1, "image-size": 128}


def open_task(method, model, source, folder, phrases=PHRASES, validation=None, seed=5, **options):
    """Return a training task whose random weights depend only on the seed."""
    torch.manual_seed(seed)
    return method.open_task(
        options={**DEFAULTS, **options},
        model=model,
        phrases=phrases,
        data=[source],
        validation=validation or source,
        device="cpu",
        scratch=folder,
    )


def compute_losses(task, seed=0):
    """Return the loss terms of a batch that depends only on the seed."""
    batch = sample_seeded_batch(task, seed, 0, 0)
    batch.n_targets = max(batch.n_targets, 1)  # as the loop does
    with cuda_shim("cpu"):
        return task.compute_batch_losses(batch, np.random.default_rng(seed))


def changed_weights(task, train) -> set[str]:
    """Return the names of the weights that `train()` changes."""
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    train()
    return {name for name, value in task.model.state_dict().items() if not torch.equal(before[name], value)}


def assert_losses_fall_and_training_resumes(open_again, folder, monkeypatch):
    """Train for six steps; then resume from the state saved after three, and compare.

    `open_again(**options)` returns the task with its initial weights.
    """
    monkeypatch.setattr(loop, "REPORT_EVERY", 1)
    options = {"steps": 6, "learning-rate": 1e-3, "warm-up": 2, "validate-every": 3}
    full_state, early_state = folder / "full.pt", folder / "early.pt"

    def copy_early_state(task):
        if full_state.is_file() and not early_state.is_file():
            shutil.copy(full_state, early_state)
        return {"val": Score(1.0)}

    uninterrupted = open_again(**options)
    monkeypatch.setattr(type(uninterrupted), "validate", copy_early_state)
    history = loop.train(uninterrupted, options, 3, "cpu", full_state, {}).history
    totals = [row["value"] for row in history if row["term"] == "total"]
    assert sum(totals[-2:]) < sum(totals[:2])

    resumed, take_step, steps = open_again(**options), loop.take_step, []
    monkeypatch.setattr(
        loop, "take_step", lambda *arguments, **named: steps.append(1) or take_step(*arguments, **named)
    )
    resumed_history = loop.train(resumed, options, 3, "cpu", early_state, {}).history
    assert len(steps) == 3
    assert [(row["step"], row["term"]) for row in resumed_history] == [(row["step"], row["term"]) for row in history]
    # The kernels sum in no fixed order, so the results are equal except for rounding.
    assert [row["value"] for row in resumed_history] == pytest.approx([row["value"] for row in history], rel=1e-3)
    for name, value in uninterrupted.model.state_dict().items():
        assert torch.allclose(value, resumed.model.state_dict()[name], rtol=1e-2, atol=2e-3), name
