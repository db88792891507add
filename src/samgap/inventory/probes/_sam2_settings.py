"""The fine-tuning configuration that the package sam2 installs."""

import importlib.util
from pathlib import Path
from typing import Any

import yaml

CONFIG = "sam2/configs/sam2.1_training/sam2.1_hiera_b+_MOSE_finetune.yaml"


def read_settings() -> dict[str, Any]:
    """Return the configuration, with references to other keys (`${scratch.base_lr}`) as texts."""
    package = importlib.util.find_spec("sam2")
    assert package is not None and package.origin is not None
    return yaml.safe_load((Path(package.origin).parents[1] / CONFIG).read_text(encoding="utf-8"))


def read_loss_options() -> dict[str, Any]:
    """Return the arguments of the loss."""
    options = dict(read_settings()["trainer"]["loss"]["all"])
    del options["_target_"]
    return options
