"""Learning rates and weight decays of all parameters: those of the packages' trainers, step by step."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from training.optimizer import construct_optimizer

from samgap.errors import UserError
from samgap.inventory.models import build_published
from samgap.inventory.probes._sam2_settings import read_settings
from samgap.io.yaml_text import parse_yaml
from samgap.training.optimizer import ScheduledOptimizer
from tests.helpers.small_config import ROOT

N_STEPS = 90
SAM3_CONFIG = Path(__file__).parents[2] / "helpers" / "sam3_optimizer.yaml"


def read_official(family):
    """Return the section `optim` of a package's published fine-tuning configuration, with all references resolved."""
    if family == "sam3":
        settings = parse_yaml(SAM3_CONFIG.read_text(encoding="utf-8"))
        optim = settings["optim"]
    else:
        settings = read_settings()
        optim = settings["trainer"]["optim"]
    text = re.sub(r"\$\{scratch\.(\w+)\}", lambda match: repr(float(settings["scratch"][match[1]])), json.dumps(optim))
    text = re.sub(r'"\$\{divide:([^,]+),10\}"', lambda match: repr(float(match[1]) / 10), text)
    return json.loads(re.sub(r'"([0-9.e-]+)"', r"\1", text))


def read_preset(family, name="official"):
    blocks = parse_yaml((ROOT / "config" / "presets" / f"{name}.yaml").read_text(encoding="utf-8"))
    return {"family": family, **blocks[family], "steps": N_STEPS}


def list_settings(model, optimizer):
    """Return (learning rate, weight decay) of each parameter of a model, by its name."""
    names = {id(value): name for name, value in model.named_parameters()}
    return {
        names[id(value)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for value in group["params"]
    }


@pytest.mark.parametrize(("family", "model_id"), [("sam2", "sam2.1-base-plus"), ("sam3", "sam3-image")])
def test_rates_and_decays_of_the_official_preset_are_those_of_the_packages_trainer(family, model_id):
    model, optim = build_published(model_id), read_official(family)
    official = construct_optimizer(
        model,
        optim["optimizer"],
        optim["options"],
        optim["param_group_modifiers"],
    )
    options = read_preset(family)
    ours = ScheduledOptimizer(model, torch.nn.Module(), options)
    rates = set()
    for step in range(N_STEPS):  # as `Trainer.train_epoch` of both packages
        official.step_schedulers(step / N_STEPS, step=step)
        ours.set_step(step)
        settings = list_settings(model, ours.optimizer)
        expected = list_settings(model, official.optimizer)
        assert settings.keys() == expected.keys()
        np.testing.assert_allclose([settings[name] for name in expected], list(expected.values()), rtol=1e-12)
        rates |= {rate for rate, _ in settings.values()}
    assert len(rates) > 10 * N_STEPS  # layers and parts have rates of their own
    assert options["clip"] == optim["gradient_clip"]["max_norm"]


class TwoLayers(torch.nn.Module):
    """A model with parts `first` and `second`, a norm and biases."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.LayerNorm(2))
        self.second = torch.nn.Linear(2, 1)


def make_optimizer(model=None, auxiliary=None, **options):
    options = {"steps": 100, "learning-rate": 2.0, "warm-up": 10, **options}
    return ScheduledOptimizer(model or TwoLayers(), auxiliary or torch.nn.Module(), options)


def test_the_learning_rate_warms_up_and_falls_along_a_cosine():
    optimizer = make_optimizer()
    rates = []
    for step in range(150):
        optimizer.set_step(step)
        (rate,) = {group["lr"] for group in optimizer.optimizer.param_groups}
        assert rate == optimizer.compute_learning_rate(step)
        rates.append(rate)
    assert rates[:10] == pytest.approx([0.2 * number for number in range(1, 11)])
    assert rates[10] == pytest.approx(2.0) and rates[55] == pytest.approx(0.01 * 2 + 0.99 * 1)
    assert rates[100:] == pytest.approx([0.02] * 50)  # after the end of the schedule


def test_a_warm_up_as_long_as_the_schedule_ends_at_the_highest_rate():
    optimizer = make_optimizer(**{"warm-up": 200})
    assert optimizer.compute_learning_rate(99) == pytest.approx(1.0)


def test_a_constant_rate_and_a_longer_schedule():
    assert make_optimizer(decay="constant").compute_learning_rate(99) == pytest.approx(2.0)
    assert make_optimizer(schedule=200).compute_learning_rate(99) > 1.0
    assert make_optimizer(**{"final-rate": 0.5}).compute_learning_rate(100) == pytest.approx(1.0)


def test_parts_have_their_own_rates_and_the_smallest_part_decides():
    model = TwoLayers()
    optimizer = make_optimizer(model, **{"learning-rates": {"first": 1.0, "first.1": 0.5}, "warm-up": 0})
    optimizer.set_step(0)
    rates = {name: rate for name, (rate, _) in list_settings(model, optimizer.optimizer).items()}
    first = {"first.0.weight": 1.0, "first.0.bias": 1.0, "first.1.weight": 0.5, "first.1.bias": 0.5}
    assert rates == {**first, "second.weight": 2.0, "second.bias": 2.0}


@pytest.mark.parametrize(
    ("rules", "exempt"),
    [
        (["bias", "layer-norm"], {"first.0.bias", "first.1.weight", "first.1.bias", "second.bias"}),
        (["layer-norm"], {"first.1.weight", "first.1.bias"}),
        ([], set()),
    ],
)
def test_biases_and_norms_have_no_weight_decay(rules, exempt):
    model = TwoLayers()
    optimizer = make_optimizer(model, **{"no-decay": rules, "weight-decay": 0.3})
    decays = {name: decay for name, (_, decay) in list_settings(model, optimizer.optimizer).items()}
    assert {name for name, decay in decays.items() if decay == 0} == exempt
    assert set(decays.values()) <= {0.0, 0.3}


def test_frozen_parameters_are_in_no_group_and_auxiliary_heads_are():
    model, head = TwoLayers(), torch.nn.Linear(1, 1)
    model.first.requires_grad_(False)
    optimizer = make_optimizer(model, head, **{"learning-rates": {"first": 1.0}})
    expected = [*model.second.parameters(), *head.parameters()]
    assert {id(value) for value in optimizer.list_parameters()} == {id(value) for value in expected}
    optimizer.set_step(10)
    assert {group["lr"] for group in optimizer.optimizer.param_groups} == {2.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"learning-rates": {"third": 1.0}}, "learning-rates names 'third', .*its parts are first, second"),
        ({"layer-decay": 0.9}, "layer-decay needs an image encoder"),
    ],
)
def test_parts_and_layers_that_a_model_lacks_are_one_line(options, message):
    with pytest.raises(UserError, match=message):
        make_optimizer(**options)
