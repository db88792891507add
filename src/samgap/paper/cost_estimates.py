"""What a run costs before it starts: hours of a GPU, estimated from counted operations and a stated share of its peak.

The section `costs` of the configuration has the operations of the models, the speed of the GPU and the sizes of data
sets that are not there yet (config/paper/costs.yaml).
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samgap.annotations.ground_truth import GroundTruth
from samgap.config.cells import Cell
from samgap.config.components import list_components
from samgap.config.plugin_import import import_plugin
from samgap.config.prompt_kinds import PromptKind, read_prompt_kinds
from samgap.prompts.seed import Seed

ROOT = Path(__file__).parents[3]
EMPTY_IMAGE = {"file_name": "empty.png", "width": 64, "height": 64, "group": "empty"}
"""An image without instances, on which phrases are counted."""


@dataclass(frozen=True)
class Count:
    """A number of images or prompts, and whether it is an estimate because the data set is not there yet."""

    value: int
    is_estimate: bool = False


@dataclass(frozen=True)
class CostModel:
    """The counts of a run, and the hours that they take on the GPU of the section `costs`.

    Attributes:
        config: A validated configuration; without the section `costs` nothing is estimated.
        n_images: Number of images of each data set that is known.
        n_prompts: Number of prompts of each (data set, prompt set) that is known.
    """

    config: Mapping[str, Any]
    n_images: Mapping[str, int] = field(default_factory=dict)
    n_prompts: Mapping[tuple[str, str], int] = field(default_factory=dict)
    _rows: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict, init=False, repr=False)

    def count_images(self, dataset: str) -> Count | None:
        """Return the number of images of a data set: as it is, or else as published; None if neither is known."""
        if dataset in self.n_images:
            return Count(self.n_images[dataset])
        published = self._published.get(dataset)
        return Count(published["images"], is_estimate=True) if published else None

    def count_prompts(self, dataset: str, prompts: str) -> Count | None:
        """Return the number of prompts: as they are, or else from the published sizes and the phrases; None if unknown.

        A spatial set has a prompt for each instance, or each instance of its `subset`; others have the same number for
        each image.
        """
        if (dataset, prompts) in self.n_prompts:
            return Count(self.n_prompts[dataset, prompts])
        images = self.count_images(dataset)
        if images is None or "costs" not in self.config:
            return None
        entry = self.config["prompts"][prompts]
        subset, kind = entry.get("subset", {}), self._kinds[entry["kind"]]
        n_images = min(images.value, subset.get("images", images.value))
        if not kind.spatial:
            return Count(n_images * self._count_phrases(prompts), is_estimate=True)
        if "instances" not in self._published.get(dataset, {}):
            return None
        n_instances = self._published[dataset]["instances"]
        # A subset of tracks has as many frames as their share of all.
        n_kept = min(n_instances, subset.get("instances", n_instances))
        return Count(round(n_kept * n_images / images.value), is_estimate=True)

    def estimate_hours(self, cell: Cell) -> float | None:
        """Return the hours of a cell on the GPU; None without its counts or the operations of its model."""
        dataset, model, prompts = cell
        n_images, n_prompts = self.count_images(dataset), self.count_prompts(dataset, prompts)
        if "costs" not in self.config or n_images is None or n_prompts is None:
            return None
        subset = self.config["prompts"][prompts].get("subset", {})
        n_prompted = min(n_images.value, *subset.values()) if subset else n_images.value
        seconds = self._estimate_seconds(model, prompts, n_prompted, n_prompts.value, dataset)
        return None if seconds is None else seconds / 3600

    def _estimate_seconds(self, model: str, prompts: str, n_images: int, n_prompts: int, dataset: str) -> float | None:
        entry, costs = self.config["models"][model], self.config["costs"]
        components = list_components(entry)
        if {"detector", "segmenter"} <= components.keys():
            # The boxes of the detector are not known: an instance is assumed to be found once.
            boxes = self._published.get(dataset, {}).get("instances")
            parts = [
                self._estimate_seconds(components["detector"], prompts, n_images, n_prompts, dataset),
                None if boxes is None else self._price(components["segmenter"], "prompt", n_images, boxes),
            ]
            return None if None in parts else sum(part for part in parts if part is not None)
        if model not in costs["models"]:
            return None
        kind = self._kinds[self.config["prompts"][prompts]["kind"]]
        return self._price(model, _name_part(kind), n_images, n_prompts * self._count_repetitions(prompts, kind))

    def _price(self, model: str, part: str, n_images: int, n_parts: int) -> float | None:
        """Return the seconds of images and of parts, such as prompts; None if the operations of either are unknown."""
        costs, entry = self.config["costs"], self.config["models"][model]
        operations = costs["models"].get(model, {})
        if part not in operations:
            return None
        in_32_bits = "tf32" if self.config.get("tf32", True) else "fp32"
        precision = "bf16" if entry.get("precision") == "bf16" else in_32_bits
        speed = costs["gpu"]["peak-tflops"][precision] * costs["utilisation"]
        return (n_images * operations["image"] + n_parts * operations[part]) / speed

    def _count_repetitions(self, prompts: str, kind: PromptKind) -> int:
        """Return how often the decoder runs for a prompt: for each click, and for each point of a grid."""
        if kind.interactive:
            return int(self.config["prompts"][prompts].get("clicks", 1))
        return len(self._list_rows(prompts)[0]["points"]) if kind.automatic else 1

    def _count_phrases(self, prompts: str) -> int:
        # Exemplars need instances, which the empty image has not.
        return len(self._list_rows(prompts)) or len(self.config["prompts"][prompts].get("phrases", []))

    def _list_rows(self, prompts: str) -> list[Mapping[str, Any]]:
        """Return the prompts of a set on an image without instances."""
        if prompts not in self._rows:
            options = self.config["prompts"][prompts]
            truth = GroundTruth({1: EMPTY_IMAGE}, {}, frozenset(), {})
            generate = import_plugin("prompts", options["kind"]).generate_prompts
            self._rows[prompts] = list(generate(truth, options, Seed(self.config.get("seed", 0), "plan")))
        return self._rows[prompts]

    @functools.cached_property
    def _kinds(self) -> Mapping[str, PromptKind]:
        return read_prompt_kinds(ROOT)

    @property
    def _published(self) -> Mapping[str, Mapping[str, Any]]:
        return self.config.get("costs", {}).get("datasets", {})


def _name_part(kind: PromptKind) -> str:
    """Return the key of the operations of a prompt."""
    if kind.takes_phrase:
        return "phrase"
    return "frame" if kind.sequence else "prompt"
