"""The models of an inventory: the published ones, and those of the run's configuration."""

import functools
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from torch import nn

from samgap.config.plugin_import import import_plugin
from samgap.inventory.meta_device import meta_device
from samgap.inventory.rows import list_inventory_rows, relabel_rows
from samgap.models.runtime.vocabulary import find_bpe_vocabulary

VIDEO_MODEL = "sam3-video"
"""SAM3 with its tracker, as the package's video predictor builds it: by a function of its own."""

PUBLISHED: Mapping[str, Mapping[str, Any]] = {
    "sam2.1-tiny": {"family": "sam2", "config": "configs/sam2.1/sam2.1_hiera_t.yaml"},
    "sam2.1-small": {"family": "sam2", "config": "configs/sam2.1/sam2.1_hiera_s.yaml"},
    "sam2.1-base-plus": {"family": "sam2", "config": "configs/sam2.1/sam2.1_hiera_b+.yaml"},
    "sam2.1-large": {"family": "sam2", "config": "configs/sam2.1/sam2.1_hiera_l.yaml"},
    "sam3-image": {"family": "sam3"},
    "sam3-interactive": {"family": "sam3", "interactive": True},
    VIDEO_MODEL: {},
}
"""Id in the inventory -> options of the model's family."""

STRUCTURE_OPTIONS = ("family", "config", "overrides", "architecture", "interactive")
"""Options on which the modules of a model depend, as opposed to its weights, label and precision."""


def list_rows(models: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of the table `inventory`: of the published models, then of `models`.

    Args:
        models: the run's models by id, with the options of their families. A model of a family whose module does not
            define `build_network` has no network and no rows.
    """
    rows = [row for model in PUBLISHED for row in list_inventory_rows(model, build_published(model))]
    for model, options in _iter_networks(models):
        structure = {key: options[key] for key in STRUCTURE_OPTIONS if options.get(key)}
        same = [published for published, known in PUBLISHED.items() if known and known == structure]
        if same:  # a run with a published model lists it under its own id, too
            rows += relabel_rows([row for row in rows if row["model"] == same[0]], model)
        else:
            rows += list_inventory_rows(model, _build_network(options))
    return rows


@functools.cache
def build_published(model: str) -> nn.Module:
    """Return a published model on the device `meta`, without weights.

    Args:
        model: a key of PUBLISHED.
    """
    return _build_video_model() if model == VIDEO_MODEL else _build_network(PUBLISHED[model])


def _build_network(options: Mapping[str, Any]) -> nn.Module:
    with meta_device():
        return import_plugin("models", options["family"]).build_network(options, "meta")


def _build_video_model() -> nn.Module:
    from sam3.model_builder import build_sam3_video_model

    disabled = logging.root.manager.disable
    logging.disable(logging.INFO)  # the package logs its settings to the terminal
    try:
        with meta_device():
            return build_sam3_video_model(bpe_path=find_bpe_vocabulary(), device="meta", load_from_HF=False)
    finally:
        logging.disable(disabled)


def _iter_networks(models: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the models that have a network."""
    for model, options in models.items():
        if hasattr(import_plugin("models", options["family"]), "build_network"):
            yield model, options
