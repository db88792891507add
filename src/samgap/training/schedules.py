"""The length of a training in steps, and its learning-rate schedules: those of fvcore and of SAM3's package."""

import math
from collections.abc import Mapping
from typing import Any

DEFAULT_WARM_UP, DEFAULT_FINAL_RATE = 100, 0.01


def resolve_steps(options: Mapping[str, Any], n_images: int) -> dict[str, Any]:
    """Return the options of a training with `steps` and `warm-up` in place of `epochs` and `warm-up-epochs`.

    Args:
        options: the entry of `trainings`
        n_images: number of images of its data sets; an epoch is as many steps as see so many images, rounded up
    """
    steps_per_epoch = n_images / (options["batch"] * options.get("accumulate", 1) * options.get("gpus", 1))
    resolved = dict(options)
    for key, epochs_key in (("steps", "epochs"), ("warm-up", "warm-up-epochs")):
        if epochs_key in resolved:
            resolved[key] = math.ceil(round(resolved.pop(epochs_key) * steps_per_epoch, 6))
    return resolved


def compute_progress(step: int, options: Mapping[str, Any]) -> tuple[float, int]:
    """Return `where` and `step` of the packages' trainers before a step, counted from 0.

    `where` is the fraction of the schedule that is over. After the schedule's end the two stay at its end.
    """
    n_steps = options.get("schedule", options["steps"])
    step = min(step, n_steps)
    return min(step / n_steps, math.nextafter(1, 0)), step  # fvcore's schedules are not defined at 1


def compute_rate(scheduler: Any, step: int, options: Mapping[str, Any]) -> float:
    """Return the learning rate of an instantiated schedule (`describe_schedule`) at a step, counted from 0."""
    where, step = compute_progress(step, options)
    if options.get("decay") == "inverse-square-root":
        return float(scheduler(step=step, where=where))
    return float(scheduler(where))


def describe_schedule(rate: float, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the learning-rate schedule of a training as a configuration for `hydra.utils.instantiate`.

    The warm-up is linear: step s of w has the fraction (s + 1) / w. `decay: inverse-square-root` is the scheduler of
    SAM3's published fine-tuning, whose warm-up has the fraction s / w.

    Args:
        rate: the highest learning rate
        options: the training's `decay`, `final-rate`, `warm-up`, `cool-down`, `timescale`, `steps` and `schedule`
    """
    warm_up, decay = options.get("warm-up", DEFAULT_WARM_UP), options.get("decay", "cosine")
    if decay == "inverse-square-root":
        return {
            "_target_": "sam3.train.optim.schedulers.InverseSquareRootParamScheduler",
            "base_lr": rate,
            "warmup_steps": warm_up,
            "cooldown_steps": options.get("cool-down", 0),
            "timescale": options.get("timescale", 20),
        }
    fvcore = "fvcore.common.param_scheduler"
    main: dict[str, Any] = {"_target_": f"{fvcore}.ConstantParamScheduler", "value": rate}
    if decay == "cosine":
        final_rate = rate * options.get("final-rate", DEFAULT_FINAL_RATE)
        main = {"_target_": f"{fvcore}.CosineParamScheduler", "start_value": rate, "end_value": final_rate}
    if not warm_up:
        return main
    n_steps = options.get("schedule", options["steps"])
    length = min(warm_up, n_steps)
    linear = {
        "_target_": f"{fvcore}.LinearParamScheduler",
        "start_value": rate / warm_up,
        "end_value": rate * (length + 1) / warm_up,
    }
    if length == n_steps:
        return linear
    return {
        "_target_": f"{fvcore}.CompositeParamScheduler",
        "schedulers": [linear, main],
        "lengths": [length / n_steps, 1 - length / n_steps],
        "interval_scaling": ["rescaled", "rescaled"],
    }
