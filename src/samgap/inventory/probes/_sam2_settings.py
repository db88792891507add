"""The fine-tuning configuration that the package sam2 installs."""

from typing import Any

from samgap.inventory.probes._source import find_package_folder
from samgap.io.yaml_text import parse_yaml

CONFIG = "sam2/configs/sam2.1_training/sam2.1_hiera_b+_MOSE_finetune.yaml"


def read_settings() -> dict[str, Any]:
    """Return the configuration, with references to other keys (`${scratch.base_lr}`) as texts."""
    return parse_yaml((find_package_folder("sam2").parent / CONFIG).read_text(encoding="utf-8"))


def read_loss_options() -> dict[str, Any]:
    """Return the arguments of the loss."""
    options = dict(read_settings()["trainer"]["loss"]["all"])
    del options["_target_"]
    return options
