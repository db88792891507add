"""Settings of SAM2's fine-tuning configuration: weights of the loss, learning rates, batch and augmentation."""

from collections.abc import Iterator
from typing import Any

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._sam2_settings import CONFIG, read_settings

CROPS = ("RandomCrop", "RandomSizeCrop", "RandomResizedCrop", "LargeScaleJitter")


def measure() -> Iterator[Measurement]:
    """Yield the settings."""
    settings = read_settings()
    scratch, trainer = settings["scratch"], settings["trainer"]
    yield from _measure_loss(trainer["loss"]["all"])
    yield from _measure_optimisation(scratch, trainer["optim"])
    yield from _measure_augmentation(settings["vos"]["train_transforms"][0]["transforms"])


def _measure_loss(loss: dict[str, Any]) -> Iterator[Measurement]:
    weights = loss["weight_dict"]
    place = f"{CONFIG}: trainer.loss.all.weight_dict"
    yield Measurement("loss-terms", len(weights), "terms", place, "sam2", ", ".join(sorted(weights)))
    for name, weight in sorted(weights.items()):
        yield Measurement(f"weight-of-{name.removeprefix('loss_')}", weight, "weight", place, "sam2")
    temporal = [name for name in weights if any(word in name for word in ("temp", "time", "consist", "smooth"))]
    yield Measurement(
        "temporal-loss-terms", len(temporal), "terms", place, "sam2", "terms named after time or stability"
    )


def _measure_optimisation(scratch: dict[str, Any], optim: dict[str, Any]) -> Iterator[Measurement]:
    place = f"{CONFIG}: trainer.optim"
    rates = optim["options"]["lr"]
    yield Measurement("learning-rates", len(rates), "groups", f"{place}.options.lr", "sam2", "groups of parameters")
    yield Measurement("base-learning-rate", float(scratch["base_lr"]), "learning rate", f"{CONFIG}: scratch", "sam2")
    yield Measurement("image-learning-rate", float(scratch["vision_lr"]), "learning rate", f"{CONFIG}: scratch", "sam2")
    decays = optim["options"]["weight_decay"]
    yield Measurement("weight-decay", decays[0]["scheduler"]["value"], "weight decay", place, "sam2")
    yield Measurement("gradient-clip", optim["gradient_clip"]["max_norm"], "norm", place, "sam2")
    (modifier,) = optim["param_group_modifiers"]
    yield Measurement("layer-decay", modifier["layer_decay_value"], "factor", place, "sam2", modifier["apply_to"])
    is_half = bool(optim["amp"]["enabled"]) and optim["amp"]["amp_dtype"] == "bfloat16"
    yield Measurement("bits-of-mixed-precision", 16 if is_half else 32, "bits", f"{place}.amp", "sam2")
    yield Measurement("batch", scratch["train_batch_size"], "videos", f"{CONFIG}: scratch", "sam2", "on each GPU")


def _measure_augmentation(transforms: list[dict[str, Any]]) -> Iterator[Measurement]:
    place = f"{CONFIG}: vos.train_transforms"
    by_name = [(transform["_target_"].rpartition(".")[2], transform) for transform in transforms]
    names = [name for name, _ in by_name]
    (affine,) = [transform for name, transform in by_name if name == "RandomAffine"]
    yield Measurement("flips", names.count("RandomHorizontalFlip"), "transforms", place, "sam2")
    yield Measurement("rotation", affine["degrees"], "degrees", place, "sam2")
    yield Measurement("shear", affine["shear"], "degrees", place, "sam2")
    yield Measurement("crops", sum(name in CROPS for name in names), "transforms", place, "sam2", ", ".join(names))
    jitters = [transform for name, transform in by_name if name == "ColorJitter"]
    strongest = max(
        transform[key] or 0 for transform in jitters for key in ("brightness", "contrast", "saturation", "hue")
    )
    yield Measurement(
        "colour-jitter", strongest, "factor", place, "sam2", f"the strongest of {len(jitters)} transforms"
    )
    (gray,) = [transform for name, transform in by_name if name == "RandomGrayscale"]
    yield Measurement("grayscale", gray["p"], "probability", place, "sam2")
