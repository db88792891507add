"""What the training loop needs of a family: its task, the batches that the task samples, and their data sets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from samgap.config.plugin_import import import_plugin


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


@dataclass(frozen=True)
class Score:
    """A validation score with its confidence interval."""

    value: float
    lower: float | None = None  # None: without an interval
    upper: float | None = None
    n: int | None = None  # number of images that carry the value

    def __str__(self) -> str:
        interval = "" if self.lower is None else f" [{self.lower:.4g}, {self.upper:.4g}]"
        return f"{self.value:.4g}{interval}"


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
    what the keys of parts start with that such a file has and the model has not (default None: it has no others); and
    `target_score`, the name of the score by which weights are chosen (default None: the last ones are kept).
    If the weights that it starts from may lack parts of the model, `added_keys` are what the keys of these parts start
    with, and a method `load_start(content, source)` loads such weights.
    """

    model: torch.nn.Module

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Sample a batch with `rng`, on the CPU. Worker processes call it, so it uses neither the model nor a GPU."""

    def compute_batch_losses(self, batch: Batch, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Return the loss terms of a batch; `total` is minimised, the others are logged."""

    def validate(self) -> dict[str, Score]:
        """Return scores on validation images, by name. The best weights are those of the highest `target_score`."""


def make_validator(source: DatasetSource, prompt_sets: Sequence[Mapping[str, Any]], max_images: int | None) -> Any:
    """Return a `samgap.training.validation.Validator`.

    The module is imported by its name, so that its code and that of predictions, matching and metrics is not part of
    the hash of a training: an edit of a metric would train all models again.

    Args:
        source: the validation data set.
        prompt_sets: the arguments of each `ValidationPrompts`.
        max_images: number of the first images that are used; None: all.
    """
    module = import_plugin("training", "validation")
    prompts = [module.ValidationPrompts(**arguments) for arguments in prompt_sets]
    return module.Validator(source, prompts, max_images)


def sample_source_indices(sources: Sequence[DatasetSource], n_images: int, rng: np.random.Generator) -> np.ndarray:
    """Sample the data set of each image of a batch by the sources' `batch_fraction`: int64 (n_images,), indices."""
    fractions = np.array([source.batch_fraction for source in sources])
    return rng.choice(len(sources), n_images, p=fractions / fractions.sum())
