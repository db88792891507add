"""Training method sam3-dense trains the image encoder, and with the match loss the text and fusion encoders too."""

import functools

import pytest

from samgap.demo_models import sam3_dense
from samgap.training import loop
from tests.helpers import training_tasks

open_task = functools.partial(training_tasks.open_task, sam3_dense, training_tasks.SAM3_MODEL)
WITH_MATCH_LOSS = {"positives": 2, "loss-weights": {"loss_match": 2.0}}


@pytest.fixture(autouse=True)
def _short_validation(monkeypatch):
    monkeypatch.setattr(sam3_dense, "N_VALIDATION_VIEWS", 4)


@pytest.mark.parametrize("options", [{}, WITH_MATCH_LOSS])
def test_losses_fall_and_an_interrupted_training_resumes(orchard_source, tmp_path, monkeypatch, options):
    open_again = functools.partial(open_task, orchard_source, tmp_path, **options)
    training_tasks.assert_losses_fall_and_training_resumes(open_again, tmp_path, monkeypatch)


def _train_one_step(orchard_source, folder, **other_options):
    options = {"steps": 1, "learning-rate": 1e-3, "warm-up": 0, "validate-every": 2, **other_options}
    task = open_task(orchard_source, folder, **options)
    history = []
    changed = training_tasks.changed_weights(
        task, lambda: history.extend(loop.train(task, options, 3, "cpu", folder / "state.pt", {}).history)
    )
    return changed, {row["term"] for row in history}, task


def test_without_a_match_loss_only_the_image_encoder_is_trained(orchard_source, tmp_path):
    changed, terms, task = _train_one_step(orchard_source, tmp_path)
    assert changed and all(name.startswith("backbone.vision_backbone.") for name in changed)
    assert terms >= {"loss_noun", "loss_box", "val_thing_iou", "val_cell_f1"}
    assert not any("auxiliary_heads" in name for name in task.model.state_dict())


def test_with_a_match_loss_the_text_encoder_and_the_fusion_encoder_are_trained_too(orchard_source, tmp_path):
    changed, terms, _ = _train_one_step(orchard_source, tmp_path, **WITH_MATCH_LOSS)
    for part in ("backbone.vision_backbone.", "backbone.language_backbone.", "transformer.encoder."):
        assert any(name.startswith(part) for name in changed), part
    assert not any(name.startswith("transformer.decoder.") for name in changed)
    assert terms >= {"loss_match", "val_match_f1", "val_match_presence"}
