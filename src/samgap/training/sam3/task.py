"""Training of SAM3 with the package's own collator, matchers and losses.

Each image is prompted with a few noun phrases. Some refer to nothing in the image, which trains the presence score;
some have boxes of exemplars.
"""

import functools
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_map_only

from samgap.annotations.ground_truth import read_ground_truth
from samgap.annotations.phrases import is_evaluable, is_trainable
from samgap.models.runtime.device import cuda_shim
from samgap.models.sam3.image import Sam3
from samgap.models.sam3.layouts import PUBLISHED_LAYOUTS, SPARE_KEYS, get_key_layouts
from samgap.training.checkpointing import set_gradient_checkpointing
from samgap.training.sam3.ignored import stack_ignored_boxes
from samgap.training.sam3.losses import build_criterion
from samgap.training.sam3.network import build_network, choose_image_size
from samgap.training.sam3.views import ViewSampler
from samgap.training.tasks import Batch, DatasetSource, Score, make_validator, sample_source_indices

# isort: split
from sam3.train.data.collator import collate_fn_api

logger = logging.getLogger("samgap")

LOGGED_LOSSES = ("loss_bbox", "loss_giou", "loss_ce", "presence_loss", "loss_mask", "loss_dice")
"""The loss terms in the history, besides the total."""

VALIDATION_SCORES = {"cgf1": "val_cgf1", "pmf1": "val_pmf1", "f1-50": "val_f1_50", "il-mcc": "val_il_mcc"}
"""The metrics of a validation, with the names of their scores."""


class Task:
    """Detection and segmentation of phrases; those with `seen: false` are neither trained nor validated."""

    target_score = "val_cgf1"

    def __init__(
        self,
        *,
        options: Mapping[str, Any],
        model: Mapping[str, Any],
        phrases: Sequence[Mapping[str, Any]],
        data: Sequence[DatasetSource],
        validation: DatasetSource,
        device: str,
        scratch: Path,
    ) -> None:
        """Build the model, with random weights.

        Args:
            options: the entry of `trainings`
            model: the entry of `models`, without its weights
            phrases: the phrases of the training's prompt set
            data: the training data sets
            validation: the validation data set
            device: torch device
            scratch: folder for temporary files, not used
        """
        self.options, self.device, self.sources, self.validation_source = options, device, data, validation
        self.image_size = choose_image_size(options, model)
        self.model = build_network(model, self.image_size, device)
        self.key_layouts = get_key_layouts(model)
        # The file of the published model has more than its detector, and that of a small one may have a head.
        self.spare_keys = SPARE_KEYS if self.key_layouts is PUBLISHED_LAYOUTS or model.get("interactive") else None
        if options.get("precision") == "bf16-trunk":
            _use_bfloat16(self.model.backbone.vision_backbone.trunk, device)
            _use_bfloat16(self.model.segmentation_head, device)
        # The activations of a small model fit into memory.
        self.checkpoints_activations = options.get("activation-checkpointing", "architecture" not in model)
        self.phrases = [phrase for phrase in phrases if is_trainable(phrase)]
        self.samplers = [ViewSampler(source, self.phrases, self.image_size, options) for source in data]
        for sampler in self.samplers:
            if not sampler.source.exhaustive:
                logger.warning(
                    "%s: its labels are not exhaustive, so no phrase is trained as absent from its images, and "
                    "detections without a label have no loss",
                    sampler.source.name or sampler.source.ground_truth_path,
                )
        self.validator = _make_validator(self.phrases, validation, options)
        self.criterion = build_criterion(options.get("loss-weights", {}))

    def sample_batch(self, rng: np.random.Generator) -> Batch:
        """Return `batch` random views (an option), sampled from the data sets by fraction, as the package's batch."""
        source_indices = sample_source_indices(self.sources, self.options["batch"], rng)
        views, image_names = [], []
        for index in source_indices:
            views.append(self.samplers[index].sample(rng))
            image_names.append(self.samplers[index].last_image_name)
        data = collate_fn_api(views, dict_key="all", with_seg_masks=True)["all"]
        data.ignored_boxes = stack_ignored_boxes(views)
        n_boxes = sum(int(target.num_boxes.sum()) for target in data.find_targets)
        return Batch(data, image_names, float(n_boxes))

    def compute_batch_losses(self, batch: Batch, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """Return the loss terms of a batch of `sample_batch`."""
        data = _move_to_device(batch.data, self.device)
        targets = [self.model.back_convert(target) for target in data.find_targets]
        if hasattr(batch.data, "ignored_boxes"):  # the copy to the device does not have it
            targets[0]["ignored_boxes"] = batch.data.ignored_boxes.to(self.device)
        self.criterion.n_boxes_of_step = batch.n_targets
        with set_gradient_checkpointing(self.checkpoints_activations):
            return self.compute_losses(data, self.model(data), targets)

    def compute_losses(self, batch: Any, outputs: Any, targets: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        """Return `total` and LOGGED_LOSSES. A training method may add terms.

        Args:
            batch: the package's `BatchedDatapoint`
            outputs: the model's outputs on it
            targets: the ground truth of each stage of the batch
        """
        losses = self.criterion(outputs, targets)
        return {"total": losses["core_loss"], **{name: losses[name] for name in LOGGED_LOSSES}}

    def validate(self) -> dict[str, Score]:
        """Return scores of the phrases on the images of the validation data set."""
        self.model.eval()
        return self.validator.compute_scores(Sam3(self.model, self.image_size, self.device), self.device)


def _make_validator(phrases: Sequence[Mapping[str, Any]], source: DatasetSource, options: Mapping[str, Any]) -> Any:
    """Return the validation with the phrases that the labels can evaluate, at most `validation-phrases` of them."""
    truth = read_ground_truth(source.ground_truth_path)
    evaluable = [phrase for phrase in phrases if is_evaluable(phrase, truth)]
    n_phrases = options.get("validation-phrases", max(len(evaluable), 1))
    used = evaluable[:: max(-(-len(evaluable) // n_phrases), 1)]
    prompts = {"kind": "phrases", "options": {"phrases": used}, "scores": VALIDATION_SCORES}
    return make_validator(source, [prompts] if used else [], options.get("validation-images"))


def _move_to_device(batch: Any, device: str) -> Any:
    if device == "cpu":
        return batch
    from sam3.model.model_misc import copy_data_to_device  # the package's recursive copy

    return copy_data_to_device(batch, torch.device(device), non_blocking=False)


def _use_bfloat16(module: torch.nn.Module, device: str) -> None:
    """Run `module` under bfloat16 autocast, with float32 outputs.

    For modules with large matrix products; elsewhere a small model loses more time on conversions than it gains.
    """
    forward = module.forward

    @functools.wraps(forward)
    def autocast_forward(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(device, torch.bfloat16):
            outputs = forward(*args, **kwargs)
        return tree_map_only(torch.Tensor, torch.Tensor.float, outputs)

    module.forward = autocast_forward


def open_task(**arguments: Any) -> Task:
    """Return the training task of an entry of `trainings`; the arguments are those of `Task`."""
    with cuda_shim(arguments["device"]):
        return Task(**arguments)
