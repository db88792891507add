"""What the training loop needs of a family: its task, the batches that the task samples, and their data sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch


@dataclass(frozen=True)
class DatasetSource:
    """A data set for training or validation."""

    image_folder: Path
    ground_truth_path: Path  # its instances.json
    name: str = ""
    batch_fraction: float = 1.0  # expected fraction of the images of a batch
    exhaustive: bool = True  # whether every object of its nouns has a label

    def name_image(self, file_name: str) -> str:
        """Return the name of an image in messages and files: the data set and the file."""
        return f"{self.name or self.image_folder.name}/{file_name}"


@dataclass
class Batch:
    """A sampled batch on the CPU. It is sent from a worker process to the loop."""

    data: Any
    image_names: list[str]  # of the images in it, for the report of a loss that is not finite
    n_targets: float = 1.0
    """The number that sums over objects are divided by. The loop replaces it by the mean over all batches of a step, so
    that the mean of their losses is the loss of one large batch."""


class Task(Protocol):
    """A training task of a family: a model, batches, their losses, and a validation.

    A task may have an attribute `auxiliary_heads`, a module that is trained together with the model and then discarded;
    `key_layouts`, how the keys of weights files differ from those of its model (default: not at all); and `spare_keys`,
    what the keys of parts start with that such a file has and the model has not (default None: it has no others).
    If the weights that it starts from may lack parts of the model, `added_keys` are what the keys of these parts start
    with, and a method `load_start(content, source)` loads such weights.
    """

    model: torch.nn.Module

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Sample a batch with `rng`, on the CPU. Worker processes call it, so it uses neither the model nor a GPU."""

    def compute_batch_losses(self, batch: Batch, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Return the loss terms of a batch; `total` is minimised, the others are logged."""

    def validate(self) -> dict[str, float]:
        """Return scores on validation images, by name."""


def sample_source_indices(sources: Sequence[DatasetSource], n_images: int, rng: np.random.Generator) -> np.ndarray:
    """Sample the data set of each image of a batch by the sources' `batch_fraction`: int64 (n_images,), indices."""
    fractions = np.array([source.batch_fraction for source in sources])
    return rng.choice(len(sources), n_images, p=fractions / fractions.sum())
