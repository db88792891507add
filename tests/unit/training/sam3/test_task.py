"""Training of SAM3: its losses fall, frozen parts stay, and phrases with `seen: false` are left out."""

import functools

import numpy as np

from samgap.training import loop
from samgap.training.sam3 import task as sam3
from tests.helpers import training_tasks
from tests.helpers.training_data import write_apples

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
