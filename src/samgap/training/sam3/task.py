"""Training SAM3 with the package's own collator, matchers and losses.

Of each view of an image a few noun phrases are asked, some of them of things that are not there, which is what teaches
the presence score, and some with boxes of examples beside them.
"""

import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_map_only

from samgap.annotations.ground_truth import read_ground_truth
from samgap.annotations.phrases import is_evaluable, is_trainable
from samgap.demo_models import sam3_match
from samgap.demo_models.sam3_dense import DenseTask
from samgap.models.runtime.device import cuda_shim
from samgap.models.sam3 import build
from samgap.models.sam3.image import Sam3
from samgap.models.sam3.initialization import init_for_training
from samgap.training.checkpointing import without_gradient_checkpointing
from samgap.training.loop import DatasetSource, sample_source_indices
from samgap.training.sam3 import losses as _sam3_losses
from samgap.training.sam3.views import ViewSampler
from samgap.training.validation import validation_scores

# isort: split
from sam3.train.data.collator import collate_fn_api

LOGGED_LOSSES = ("loss_bbox", "loss_giou", "loss_ce", "presence_loss", "loss_mask", "loss_dice")
"""The loss terms that a history keeps beside the total."""

FULL_IMAGE_CROP = {"low": 1.0, "high": 1.0}

MAX_VALIDATION_ITEMS = 16
"""So many images of the validation set, and so many phrases at most, a training is watched on."""


class Task:
    """SAM3 on data sets and their phrases. `options` are `trainings.<id>`, `architecture` the model's sizes.

    Phrases with `seen: false` are neither asked nor watched.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        model: Mapping[str, Any],
        phrases: Sequence[Mapping[str, Any]],
        data: Sequence[DatasetSource],
        validation: DatasetSource,
        device: str,
        scratch: Path,
    ) -> None:
        self.options, self.device, self.sources, self.validation_source = options, device, data, validation
        self.image_size = options.get("image-size", model["architecture"]["size"])
        architecture = {**model["architecture"], "size": self.image_size}
        self.model = build.build_small(architecture, matcher=_sam3_losses.build_matcher()).to(device)
        init_for_training(self.model, architecture)
        if options.get("precision", "fp32") == "bf16":
            _use_bfloat16(self.model.backbone.vision_backbone.trunk, device)
            _use_bfloat16(self.model.segmentation_head, device)
        self.phrases = [phrase for phrase in phrases if is_trainable(phrase)]
        self.samplers = [ViewSampler(each, self.phrases, self.image_size, options) for each in data]
        self.validation_ground_truth = read_ground_truth(validation.ground_truth_path)
        self.criterion = _sam3_losses.build_criterion(options.get("loss-weights", {}))
        self.match_weight = options.get("loss-weights", {}).get("loss_match", 0.0)
        if self.match_weight:
            self.auxiliary_heads = sam3_match.MatchHead(architecture["width"]).to(device)

    def loss(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """The package's loss terms on `batch` random views, drawn from the data sets by their shares."""
        chosen = sample_source_indices(self.sources, self.options["batch"], rng)
        points = [self.samplers[index].sample(rng) for index in chosen]
        batch = _move_to_device(collate_fn_api(points, dict_key="all", with_seg_masks=True)["all"], self.device)
        targets = [self.model.back_convert(target) for target in batch.find_targets]
        with without_gradient_checkpointing():
            found = self.model(batch)
            losses = self.criterion(found, targets)
        terms = {"total": losses["core_loss"], **{name: losses[name] for name in LOGGED_LOSSES}}
        if self.match_weight:
            terms["loss_match"] = _match_loss(self.auxiliary_heads, found[0], targets[0], batch.find_inputs[0].img_ids)
            # As the package weighs its own terms: by the root of how many questions there are.
            terms["total"] = (
                terms["total"] + self.match_weight * len(targets[0]["num_boxes"]) ** 0.5 * terms["loss_match"]
            )
        return terms

    def validate(self) -> dict[str, float]:
        self.model.eval()
        known = [phrase for phrase in self.phrases if is_evaluable(phrase, self.validation_ground_truth)]
        watched = known[:: max(-(-len(known) // MAX_VALIDATION_ITEMS), 1)]
        model = Sam3(self.model, self.image_size, self.device)
        return validation_scores(
            model, self.validation_source, self.validation_ground_truth, watched, max_images=MAX_VALIDATION_ITEMS
        )


def _match_loss(
    match_head: sam3_match.MatchHead,
    outputs: Mapping[str, Any],
    targets: Mapping[str, Any],
    image_indices: torch.Tensor,
) -> torch.Tensor:
    """How well the encoder tells at every place whether it shows what is asked for (`_sam3_match.loss`).

    `images` has of each question the image's position; what any question is answered with counts as a thing.
    """
    logits = match_head(outputs["encoder_hidden_states"])
    counts, wanted = targets["num_boxes"].tolist(), torch.zeros_like(logits)
    if any(counts):  # else the package has no masks, not even their size
        shown = torch.stack([masks.any(0) for masks in targets["masks"].split(counts)])
        wanted = sam3_match.make_grid_labels(shown, math.isqrt(logits.shape[1]))
    wanted[~targets["is_exhaustive"][:, None] & (wanted == 0)] = sam3_match.IGNORE_LABEL
    things = (image_indices[:, None] == image_indices[None]).float() @ (wanted > 0).float() > 0
    return sam3_match.match_loss(logits, wanted, things)


def _move_to_device(batch: Any, device: str) -> Any:
    if device == "cpu":
        return batch
    from sam3.model.model_misc import copy_data_to_device  # the package's own recursive copy

    return copy_data_to_device(batch, torch.device(device), non_blocking=False)


def _use_bfloat16(module: torch.nn.Module, device: str) -> None:
    """Let `module` compute in bfloat16 where that is safe, and answer in float32.

    Only where large products are: elsewhere a model this small spends more on converting than it gains.
    """
    forward = module.forward

    @functools.wraps(forward)
    def half(*arguments: Any, **more: Any) -> Any:
        with torch.autocast(device, torch.bfloat16):
            answer = forward(*arguments, **more)
        return tree_map_only(torch.Tensor, torch.Tensor.float, answer)

    module.forward = half


def open_task(**kwargs: Any) -> Task | DenseTask:
    """A training of SAM3; with the option `dense` of its image encoder alone."""
    with cuda_shim(kwargs["device"]):
        task = Task(**kwargs)
        if not kwargs["options"].get("dense", False):
            return task
        # The same views whatever is learnt from them; watched on views of the validation set as they are.
        watched = ViewSampler(
            task.validation_source, task.phrases, task.image_size, {"crops": task.options.get("crops", FULL_IMAGE_CROP)}
        )
        return DenseTask(task.model, task.options, task.samplers, watched, task.phrases, task.device)
