"""One batch can be learned by heart: for each family, each kind of prompt and each term of SAM3's loss."""

import itertools

import numpy as np
import pytest
import torch

from samgap.models.runtime.device import cuda_shim
from samgap.training.batches import sample_seeded_batch
from samgap.training.sam2 import task as sam2
from samgap.training.sam3 import losses as sam3_losses
from samgap.training.sam3 import task as sam3
from tests.helpers import training_tasks

TASKS = {"sam2": (sam2, training_tasks.SAM2_MODEL), "sam3": (sam3, training_tasks.SAM3_MODEL)}
CLIPS = {"share": 1.0, "frames": 2, "videos": 1, "objects": 2}
PROMPTS = [
    ("sam2", {}),
    ("sam2", {"clicks": 2}),
    ("sam2", {"clips": CLIPS}),
    ("sam3", {"exemplars": 0}),
    ("sam3", {"exemplars": 1}),
]
SAM3_TERMS = [name for name in sam3_losses.LOSS_WEIGHTS if name not in ("one_to_many", "loss_semantic_presence")]
"""The package's recipe computes no `loss_semantic_presence`, and `one_to_many` is a factor of the others."""


def learn(family, source, folder, n_steps, **options):
    """Train on one batch with the same prompts in each step; return the total loss of each step."""
    task = training_tasks.open_task(*TASKS[family], source, folder, **options)
    if family == "sam2":  # where the model predicts that there is no object, the package gives its mask no gradient
        torch.nn.init.ones_(task.model.sam_mask_decoder.pred_obj_score_head.layers[-1].bias)
    batches = (sample_seeded_batch(task, seed, 0, 0) for seed in itertools.count())
    batch = next(batch for batch in batches if batch.n_targets >= 2)
    optimizer = torch.optim.AdamW(task.model.parameters(), lr=5e-4)
    task.model.train()
    totals = []
    for _ in range(n_steps):
        torch.manual_seed(0)
        optimizer.zero_grad()
        with cuda_shim("cpu"):
            terms = task.compute_batch_losses(batch, np.random.default_rng(0))
            terms["total"].backward()
        torch.nn.utils.clip_grad_norm_(task.model.parameters(), 1.0)
        optimizer.step()
        totals.append(terms["total"].item())
    return totals


@pytest.mark.parametrize(("family", "options"), PROMPTS)
def test_one_batch_is_learned_from_each_kind_of_prompt(orchard_source, tmp_path, family, options):
    totals = learn(family, orchard_source, tmp_path, 16, **options)
    assert totals[-1] < 0.7 * totals[0]


@pytest.mark.parametrize("term", SAM3_TERMS)
def test_one_batch_is_learned_by_each_term_of_the_loss_alone(orchard_source, tmp_path, term):
    others = {name: 0 for name in sam3_losses.LOSS_WEIGHTS if name not in (term, "one_to_many")}
    totals = learn("sam3", orchard_source, tmp_path, 12, **{"loss-weights": others})
    assert totals[0] > 0
    assert totals[-1] < 0.95 * totals[0]
