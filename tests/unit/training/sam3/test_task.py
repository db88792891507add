"""Training of SAM3: its losses fall, frozen parts stay, and phrases with `seen: false` are left out."""

import functools

import numpy as np
import pytest
import torch

from samgap.models.runtime.device import cuda_shim
from samgap.training import loop
from samgap.training.sam3 import task as sam3
from samgap.training.tasks import Batch
from tests.helpers import training_tasks
from tests.helpers.training_data import write_apples

# isort: split
from sam3.model import text_encoder_ve
from sam3.train.data.collator import collate_fn_api

open_task = functools.partial(training_tasks.open_task, sam3, training_tasks.SAM3_MODEL)


def test_losses_fall_and_an_interrupted_training_resumes(orchard_source, tmp_path, monkeypatch):
    open_again = functools.partial(open_task, orchard_source, tmp_path)
    training_tasks.assert_losses_fall_and_training_resumes(open_again, tmp_path, monkeypatch)


def test_frozen_parts_keep_their_weights(orchard_source, tmp_path):
    task, frozen = open_task(orchard_source, tmp_path), ["backbone", "transformer.encoder"]
    options = {"steps": 1, "learning-rate": 1e-3, "warm-up": 0, "validate-every": 2, "frozen": frozen}
    changed = training_tasks.changed_weights(
        task, lambda: loop.train(task, options, 0, "cpu", tmp_path / "state.pt", {})
    )
    assert not [name for name in changed if name.startswith(tuple(frozen))]
    assert any(name.startswith("transformer.decoder.") for name in changed)
    assert any(name.startswith("segmentation_head.") for name in changed)


def test_phrases_with_seen_false_are_not_trained(orchard_source, tmp_path):
    phrases = [*training_tasks.PHRASES, {"phrase": "pear", "noun": "pear", "seen": False}]
    task = open_task(orchard_source, tmp_path, phrases)
    rng = np.random.default_rng(0)
    texts = {query.query_text for _ in range(20) for query in task.samplers[0].sample(rng).find_queries}
    assert texts == {"apple", "orange"}  # the ground truth has no leaves


def test_labels_that_are_not_exhaustive_are_logged(tmp_path, caplog):
    source = write_apples(tmp_path, exhaustive=False)
    open_task(source, tmp_path, [{"phrase": "apple", "noun": "apple"}])
    assert "its labels are not exhaustive, so no phrase is trained as absent" in caplog.text


def test_the_losses_of_boxes_and_masks_of_two_batches_are_those_of_one(orchard_source, tmp_path):
    task = open_task(orchard_source, tmp_path)
    for module in task.model.modules():
        if isinstance(getattr(module, "dropout", None), float):
            module.dropout = 0.0
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    views, rng = [], np.random.default_rng(0)
    while len({len(view.images[0].objects) for view in views}) < 2:
        views.append(task.samplers[0].sample(rng))
    views = [views[0], views[-1]]

    def compute_losses(batches):
        n_boxes = [len(query.object_ids_output) for view in views for query in view.find_queries]
        terms = []
        for batch in batches:
            data = collate_fn_api(batch, dict_key="all", with_seg_masks=True)["all"]
            with torch.no_grad(), cuda_shim("cpu"):
                losses = task.compute_batch_losses(Batch(data, [], sum(n_boxes) / len(batches)), rng)
            terms.append(losses)
        names = ("loss_bbox", "loss_giou", "loss_mask", "loss_dice")
        return [sum(float(losses[name]) for losses in terms) / len(batches) for name in names]

    one, several = compute_losses([views]), compute_losses([[view] for view in views])
    assert min(one) > 0
    assert several == pytest.approx(one, rel=1e-5)


def test_activation_checkpointing_changes_no_gradient(orchard_source, tmp_path, monkeypatch):
    checkpoint, calls = torch.utils.checkpoint.checkpoint, []
    for module in (torch.utils.checkpoint, text_encoder_ve):
        monkeypatch.setattr(
            module, "checkpoint", lambda *arguments, **named: calls.append(1) or checkpoint(*arguments, **named)
        )
    n_calls, gradients = [], []
    for is_on in (False, True):
        task = open_task(orchard_source, tmp_path, **{"activation-checkpointing": is_on})
        calls.clear()
        task.model.train()
        task.model.zero_grad()
        training_tasks.compute_losses(task)["total"].backward()
        n_calls.append(len(calls))
        gradients.append({name: value.grad for name, value in task.model.named_parameters()})
    assert n_calls[0] == 0 < n_calls[1]
    for name, value in gradients[0].items():
        if value is not None:
            assert torch.allclose(value, gradients[1][name], rtol=1e-4, atol=1e-5), name


def test_bf16_has_nearly_the_losses_of_fp32(orchard_source, tmp_path):
    totals = []
    for options in ({}, {"precision": "bf16"}, {"precision": "bf16-trunk"}):
        task = open_task(orchard_source, tmp_path, **options)
        options = {"steps": 1, "learning-rate": 1e-4, **options}
        history = loop.train(task, options, 3, "cpu", tmp_path / f"{len(totals)}.pt", {}).history
        totals.append(next(row["value"] for row in history if row["term"] == "total"))
    assert totals[1:] == pytest.approx([totals[0]] * 2, rel=0.1)
