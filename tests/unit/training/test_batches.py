"""Batches sampled ahead: the same with any number of workers and from any step on, and an error is one line."""

import contextlib
import multiprocessing

import pytest
import torch

from samgap.errors import UserError
from samgap.training.batches import iterate_batches
from tests.helpers.linear_task import LinearTask


def list_points(n_workers, steps=range(6), positions=(0, 1)):
    """Return the points of all batches, step by step."""
    with contextlib.closing(iterate_batches(LinearTask(), 3, steps, positions, n_workers)) as batches:
        return [batch.data for of_step in batches for batch in of_step]


def are_equal(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("n_workers", [1, 3])
def test_batches_do_not_depend_on_the_number_of_workers(n_workers):
    assert are_equal(list_points(0), list_points(n_workers))


def test_batches_depend_on_the_step_and_not_on_the_first_one():
    whole = list_points(0)
    assert are_equal(whole[4:], list_points(2, range(2, 6)))
    assert not are_equal(whole[:2], whole[2:4])


def test_batches_of_a_step_depend_on_their_position():
    both = list_points(0)
    assert not are_equal(both[::2], both[1::2])
    assert are_equal(both[1::2], list_points(1, positions=[1]))


@pytest.mark.parametrize("n_workers", [0, 2])
def test_an_error_of_sampling_keeps_its_one_line(n_workers):
    task = LinearTask()

    def fail(rng):
        raise UserError("instances.json: it has no images")

    task.sample_batch = fail
    with pytest.raises(UserError, match=r"^instances.json: it has no images$"):
        next(iterate_batches(task, 3, range(2), [0], n_workers))
    assert not multiprocessing.active_children()


def test_the_workers_end_when_the_batches_are_no_longer_used():
    batches = iterate_batches(LinearTask(), 3, range(9), [0], 2)
    next(batches)
    assert len(multiprocessing.active_children()) == 2
    batches.close()
    assert not multiprocessing.active_children()
