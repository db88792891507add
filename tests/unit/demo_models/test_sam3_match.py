"""Training method sam3-match: detection with the match loss."""

import functools

import pytest

from samgap.demo_models import sam3_match
from tests.helpers import training_tasks

open_task = functools.partial(
    training_tasks.open_task,
    sam3_match,
    training_tasks.SAM3_MODEL,
    positives=2,
    **{"loss-weights": {"loss_match": 2.0}},
)


def test_losses_fall_and_an_interrupted_training_resumes(orchard_source, tmp_path, monkeypatch):
    open_again = functools.partial(open_task, orchard_source, tmp_path)
    training_tasks.assert_losses_fall_and_training_resumes(open_again, tmp_path, monkeypatch)


def test_a_step_without_instances_has_only_losses_of_presence_and_of_locations(orchard_source, tmp_path):
    task = open_task(orchard_source, tmp_path, [{"phrase": "ball", "noun": "ball"}])
    (sampler,) = task.samplers
    sampler.image_ids = [
        image_id
        for image_id in sampler.image_ids
        if all(instance.noun != "ball" for instance in sampler.ground_truth.instances_of(image_id))
    ]
    assert sampler.image_ids
    terms = training_tasks.compute_losses(task)
    assert terms["loss_match"].item() > 0 and terms["presence_loss"].item() > 0
    assert terms["loss_bbox"].item() == terms["loss_ce"].item() == 0


def test_the_match_loss_is_added_to_the_total_with_its_weight(orchard_source, tmp_path):
    totals = {}
    for weight in (2.0, 5.0):
        task = open_task(orchard_source, tmp_path, **{"loss-weights": {"loss_match": weight}})
        terms = training_tasks.compute_losses(task)
        totals[weight] = terms["total"].item()
        match_loss = terms["loss_match"].item()
    n_queries = ((totals[5.0] - totals[2.0]) / (3 * match_loss)) ** 2
    assert n_queries == pytest.approx(round(n_queries), rel=1e-2) and round(n_queries) >= 2
