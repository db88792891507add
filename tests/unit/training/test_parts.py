"""Parts of models by name: which parameters they have, freezing, and counts of trained weights."""

import pytest
import torch

from samgap.errors import UserError
from samgap.inventory.models import build_published
from samgap.training.parts import (
    MAX_IDLE_STEPS,
    PARTS,
    GradientMonitor,
    count_parameters,
    format_counts,
    freeze_parts,
    resolve_part,
)

MODELS = {"sam2": "sam2.1-tiny", "sam3": "sam3-image"}


@pytest.fixture(params=MODELS)
def published(request):
    """The family and a model on the device meta, whose parameters are trainable before and after."""
    model = build_published(MODELS[request.param]).requires_grad_(True)
    yield request.param, model
    model.requires_grad_(True)


def test_every_part_is_in_the_published_model_and_every_weight_in_one_part(published):
    family, model = published
    names = [name for name, _ in model.named_parameters()]
    for part, modules in PARTS[family].items():
        assert resolve_part(part, family, names, "frozen"), part
        if part != "memory":  # some of its entries depend on the options of the model
            for module in modules:
                assert resolve_part(module, family, names, "frozen") <= resolve_part(part, family, names, "frozen")
    rows = count_parameters(model, family)
    assert {row["part"] for row in rows} <= set(PARTS[family])
    assert sum(row["all"] for row in rows) == sum(value.numel() for value in model.parameters())


def test_frozen_parts_are_not_counted_as_trained(published):
    family, model = published
    freeze_parts(model, ["image-encoder"], family)
    trained = {row["part"]: row["trained"] for row in count_parameters(model, family)}
    assert trained["trunk"] == trained["neck"] == 0
    expected = sum(value.numel() for value in model.parameters() if value.requires_grad)
    assert sum(trained.values()) == expected > 0
    assert format_counts(count_parameters(model, family)).startswith(f"{expected:,} of ")


def test_parts_that_do_not_exist_and_a_training_of_nothing_are_one_line(published):
    family, model = published
    with pytest.raises(
        UserError, match="frozen names 'encoder', which the model does not have; its parts are image-enc"
    ):
        freeze_parts(model, ["encoder"], family)
    modules = {name.split(".")[0] for name, _ in model.named_parameters()}
    with pytest.raises(UserError, match="frozen names all of the model"):
        freeze_parts(model, sorted(modules), family)


def make_two_layers():
    return torch.nn.ModuleDict({"first": torch.nn.Linear(2, 2), "second": torch.nn.Linear(2, 2)})


def test_parts_without_a_gradient_are_named(caplog):
    model = make_two_layers()
    monitor = GradientMonitor(model, "")
    for _ in range(2 * MAX_IDLE_STEPS):
        model["first"](torch.ones(1, 2)).sum().backward()
        monitor.update()
    assert monitor.describe_idle() == "2 tensors of second"
    model["second"](torch.ones(1, 2)).sum().backward()
    monitor.update()
    assert monitor.describe_idle() == ""


@pytest.mark.parametrize("factor", [0.0, None])
def test_a_training_in_which_nothing_gets_a_gradient_is_an_error(factor):
    model = make_two_layers()
    model["second"].requires_grad_(False)  # gets none, and is not meant to
    monitor = GradientMonitor(model, "")
    for step in range(MAX_IDLE_STEPS):
        if factor is not None:
            (factor * model["first"](torch.ones(1, 2)).sum()).backward()
        if step < MAX_IDLE_STEPS - 1:
            monitor.update()
    with pytest.raises(UserError, match="no trained weight got a gradient in 10 steps"):
        monitor.update()
