"""One optimiser step: several batches are one large batch, and a loss that is not finite changes nothing."""

import numpy as np
import pytest
import torch

from samgap.training import steps
from samgap.training.batches import sample_seeded_batch
from samgap.training.process_group import SINGLE_PROCESS
from samgap.training.tasks import Batch
from tests.helpers.linear_task import LinearTask, copy_weights


def take_step(task, batches, **options):
    """Take a step with plain gradient descent, whose change of the weights is the gradient; return its result."""
    optimiser = torch.optim.SGD([*task.model.parameters(), *task.auxiliary_heads.parameters()], lr=0.1)
    return steps.take_step(
        task,
        optimiser,
        batches,
        options={"clip": 1e9, **options},
        group=SINGLE_PROCESS,
        device="cpu",
        seed=3,
        step=0,
    )


@pytest.mark.parametrize("n_batches", [2, 3])
def test_several_batches_are_one_large_batch_whatever_their_numbers_of_objects(n_batches):
    accumulated, large = LinearTask(), LinearTask()
    batches = [sample_seeded_batch(accumulated, 3, 0, position) for position in range(n_batches)]
    assert len({len(batch.data) for batch in batches}) == n_batches
    joined = torch.cat([batch.data for batch in batches])
    before = copy_weights(large)
    first = take_step(accumulated, batches)
    second = take_step(large, [Batch(joined, [], float(len(joined)))])
    assert first.terms["total"] == pytest.approx(second.terms["total"], rel=1e-6)
    for name, value in copy_weights(large).items():
        assert not torch.equal(value, before[name])
        assert torch.allclose(value, copy_weights(accumulated)[name], rtol=1e-6, atol=1e-6), name


def test_the_gradient_is_clipped_to_its_maximum_norm():
    task = LinearTask()
    before = {**copy_weights(task), **{f"h.{n}": v.clone() for n, v in task.auxiliary_heads.state_dict().items()}}
    take_step(task, [sample_seeded_batch(task, 3, 0, 0)], clip=0.01)
    after = {**copy_weights(task), **{f"h.{n}": v for n, v in task.auxiliary_heads.state_dict().items()}}
    norm = np.sqrt(sum(float((after[name] - before[name]).square().sum()) for name in before)) / 0.1
    assert norm == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_loss_that_is_not_finite_names_the_images_of_its_batch_and_changes_no_weight(value):
    task = LinearTask()
    before = copy_weights(task)
    good, bad = (sample_seeded_batch(task, 3, 0, position) for position in range(2))
    bad.data[0, 0], bad.image_names = value, ["orchard/bad.png"]
    with pytest.raises(steps.LossNotFiniteError) as raised:
        take_step(task, [good, bad])
    assert [batch["images"] for batch in raised.value.batches] == [["orchard/bad.png"]]
    assert all(torch.equal(value, before[name]) for name, value in copy_weights(task).items())


def test_bf16_is_used_in_the_losses_alone_where_it_is_asked_for():
    dtypes = []
    for precision in ("fp32", "bf16"):
        task = LinearTask()
        task.model.register_forward_hook(lambda module, inputs, output: dtypes.append(output.dtype))
        result = take_step(task, [sample_seeded_batch(task, 3, 0, 0)], precision=precision)
        assert np.isfinite(result.terms["total"])
        assert all(value.dtype == torch.float32 for value in task.model.parameters())
    assert dtypes == [torch.float32, torch.bfloat16]
