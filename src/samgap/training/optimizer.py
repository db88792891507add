"""The optimiser of a training: parameter groups with learning rates and weight decay, by the packages' own function."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import hydra
import torch
from training.optimizer import Optimizer, construct_optimizer, get_module_cls_to_param_names

from samgap.errors import UserError
from samgap.training.parts import PARTS, is_inside, resolve_part
from samgap.training.schedules import compute_progress, compute_rate, describe_schedule

DEFAULT_WEIGHT_DECAY = 1e-4
DEFAULT_NO_DECAY = ("bias", "layer-norm")

CONSTANT = "fvcore.common.param_scheduler.ConstantParamScheduler"


class ScheduledOptimizer:
    """AdamW whose groups have their own schedules, for the trained parameters of a model."""

    def __init__(self, model: torch.nn.Module, auxiliary_heads: torch.nn.Module, options: Mapping[str, Any]) -> None:
        """Make the groups with the packages' `construct_optimizer`, as their trainers do.

        Args:
            model: the model; its parameters that require no gradient are left out
            auxiliary_heads: a module that is trained with `learning-rate` as well; may have no parameters
            options: the entry of `trainings`, with `steps`

        Raises:
            UserError: an option names a part that the model does not have, or layers that it cannot number.
        """
        self._options = options
        base_schedule = describe_schedule(options["learning-rate"], options)
        self._base_scheduler = hydra.utils.instantiate(base_schedule)
        self._optimizer = _construct(model, base_schedule, options)
        auxiliary = [value for value in auxiliary_heads.parameters() if value.requires_grad]
        if auxiliary:
            self.optimizer.add_param_group({"params": auxiliary})
            decay = {"_target_": CONSTANT, "value": _get_decay(options)}
            self._optimizer.schedulers.append(
                {"lr": self._base_scheduler, "weight_decay": hydra.utils.instantiate(decay)}
            )

    @property
    def optimizer(self) -> torch.optim.AdamW:
        """The optimiser of torch."""
        return self._optimizer.optimizer

    def list_parameters(self) -> list[torch.nn.Parameter]:
        """Return all trained parameters."""
        return [value for group in self.optimizer.param_groups for value in group["params"]]

    def set_step(self, step: int) -> None:
        """Set the learning rates and weight decays of all groups to those of a step, counted from 0."""
        self._optimizer.step_schedulers(*compute_progress(step, self._options))

    def compute_learning_rate(self, step: int) -> float:
        """Return the learning rate at a step of parameters that no other option names."""
        return compute_rate(self._base_scheduler, step, self._options)


def _construct(model: torch.nn.Module, base_schedule: Mapping[str, Any], options: Mapping[str, Any]) -> Optimizer:
    if not logging.getLogger().handlers:
        # The package logs every name with the root logger, which would otherwise get a handler that prints twice.
        logging.getLogger().addHandler(logging.NullHandler())
    trained = [name for name, value in model.named_parameters() if value.requires_grad]
    is_meta = any(value.is_meta for value in model.parameters())  # a model without weights, which has no fused kernel
    rates: list[dict[str, Any]] = [{"scheduler": dict(base_schedule)}]
    for rate, names in _group_by_rate(model, trained, options):
        rates.append({"scheduler": describe_schedule(rate, options), "param_names": names})
    decays: list[dict[str, Any]] = [{"scheduler": {"_target_": CONSTANT, "value": _get_decay(options)}}]
    if exempt := _list_exempt(model, trained, options.get("no-decay", DEFAULT_NO_DECAY)):
        decays.append({"scheduler": {"_target_": CONSTANT, "value": 0.0}, "param_names": exempt})
    return construct_optimizer(
        model,
        {"_target_": "torch.optim.AdamW", "fused": not is_meta},
        {"lr": rates, "weight_decay": decays},
        _describe_layer_decay(model, options),
        param_allowlist=set(trained),
        validate_param_groups=False,  # which also requires the frozen parameters
    )


def _get_decay(options: Mapping[str, Any]) -> float:
    return float(options.get("weight-decay", DEFAULT_WEIGHT_DECAY))


def _group_by_rate(
    model: torch.nn.Module, trained: Iterable[str], options: Mapping[str, Any]
) -> list[tuple[float, list[str]]]:
    """Return the rates of `learning-rates` with the trained parameters of each; the smallest part decides."""
    family = options.get("family", "")
    all_names = [name for name, _ in model.named_parameters()]
    members = {
        part: resolve_part(part, family, all_names, "learning-rates") for part in options.get("learning-rates", {})
    }
    groups: dict[str, list[str]] = {part: [] for part in members}
    for name in trained:
        owners = [part for part, names in members.items() if name in names]
        if owners:
            groups[min(owners, key=lambda part: len(members[part]))].append(name)
    return [(float(options["learning-rates"][part]), names) for part, names in groups.items() if names]


def _list_exempt(model: torch.nn.Module, trained: Iterable[str], rules: Iterable[str]) -> list[str]:
    """Return the trained parameters without weight decay, by the rules of the packages' published configurations."""
    norms = get_module_cls_to_param_names(model).get(torch.nn.LayerNorm, set())
    rules = set(rules)
    return [
        name for name in trained if ("bias" in rules and "bias" in name) or ("layer-norm" in rules and name in norms)
    ]


def _describe_layer_decay(model: torch.nn.Module, options: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    decay = options.get("layer-decay", 1)
    if decay == 1:
        return None
    (trunk,) = PARTS.get(options.get("family", ""), {}).get("trunk", ("",))
    modules = dict(model.named_modules())
    if not trunk or not hasattr(modules.get(trunk), "get_layer_id"):
        raise UserError(
            "training: layer-decay needs an image encoder that numbers its layers, and this model has none; remove it"
        )
    if not any(value.requires_grad and is_inside(name, trunk) for name, value in model.named_parameters()):
        return None  # all of it is frozen
    return [
        {
            "_target_": "training.optimizer.layer_decay_param_modifier",
            "_partial_": True,
            "layer_decay_value": decay,
            "apply_to": trunk,
            "overrides": [{"pattern": "*pos_embed*", "value": 1.0}],
        }
    ]
