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

from samgap.models import _sam3_build
from samgap.models._device import on
from samgap.models.sam3 import Sam3
from samgap.phrases import evaluable, seen
from samgap.training import _sam3_losses, _sam3_match
from samgap.training._checkpoints import remembering
from samgap.training._quick import phrase_figures
from samgap.training._run import Data, draw
from samgap.training._sam3_dense import DenseTask
from samgap.training._sam3_views import Views
from samgap.truth import read

# isort: split
from sam3.train.data.collator import collate_fn_api

KEPT = ("loss_bbox", "loss_giou", "loss_ce", "presence_loss", "loss_mask", "loss_dice")
"""The loss terms that a history keeps beside the total."""

WHOLE = {"low": 1.0, "high": 1.0}

WATCHED = 16
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
        data: Sequence[Data],
        validation: Data,
        device: str,
        scratch: Path,
    ) -> None:
        self.options, self.device, self.data, self.validation = options, device, data, validation
        self.size = options.get("image-size", model["architecture"]["size"])
        architecture = {**model["architecture"], "size": self.size}
        self.model = _sam3_build.small(architecture, matcher=_sam3_losses.matcher()).to(device)
        _sam3_build.prepare(self.model, architecture)
        if options.get("precision", "fp32") == "bf16":
            _halve(self.model.backbone.vision_backbone.trunk, device)
            _halve(self.model.segmentation_head, device)
        self.phrases = [phrase for phrase in phrases if seen(phrase)]
        self.views = [Views(each, self.phrases, self.size, options) for each in data]
        self.truth = read(validation.truth)
        self.criterion = _sam3_losses.criterion(options.get("loss-weights", {}))
        self.weight = options.get("loss-weights", {}).get("loss_match", 0.0)
        if self.weight:
            self.aside = _sam3_match.Reader(architecture["width"]).to(device)

    def loss(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """The package's loss terms on `batch` random views, drawn from the data sets by their shares."""
        chosen = draw(self.data, self.options["batch"], rng)
        points = [self.views[index].draw(rng) for index in chosen]
        batch = _to(collate_fn_api(points, dict_key="all", with_seg_masks=True)["all"], self.device)
        targets = [self.model.back_convert(target) for target in batch.find_targets]
        with remembering():
            found = self.model(batch)
            losses = self.criterion(found, targets)
        terms = {"total": losses["core_loss"], **{name: losses[name] for name in KEPT}}
        if self.weight:
            terms["loss_match"] = _match(self.aside, found[0], targets[0], batch.find_inputs[0].img_ids)
            # As the package weighs its own terms: by the root of how many questions there are.
            terms["total"] = terms["total"] + self.weight * len(targets[0]["num_boxes"]) ** 0.5 * terms["loss_match"]
        return terms

    def validate(self) -> dict[str, float]:
        self.model.eval()
        known = [phrase for phrase in self.phrases if evaluable(phrase, self.truth)]
        watched = known[:: max(-(-len(known) // WATCHED), 1)]
        model = Sam3(self.model, self.size, self.device)
        return phrase_figures(model, self.validation, self.truth, watched, images=WATCHED)


def _match(
    reader: _sam3_match.Reader, found: Mapping[str, Any], targets: Mapping[str, Any], images: torch.Tensor
) -> torch.Tensor:
    """How well the encoder tells at every place whether it shows what is asked for (`_sam3_match.loss`).

    `images` has of each question the image's position; what any question is answered with counts as a thing.
    """
    logits = reader(found["encoder_hidden_states"])
    counts, wanted = targets["num_boxes"].tolist(), torch.zeros_like(logits)
    if any(counts):  # else the package has no masks, not even their size
        shown = torch.stack([masks.any(0) for masks in targets["masks"].split(counts)])
        wanted = _sam3_match.labels(shown, math.isqrt(logits.shape[1]))
    wanted[~targets["is_exhaustive"][:, None] & (wanted == 0)] = _sam3_match.UNSURE
    things = (images[:, None] == images[None]).float() @ (wanted > 0).float() > 0
    return _sam3_match.loss(logits, wanted, things)


def _to(batch: Any, device: str) -> Any:
    if device == "cpu":
        return batch
    from sam3.model.model_misc import copy_data_to_device  # the package's own recursive copy

    return copy_data_to_device(batch, torch.device(device), non_blocking=False)


def _halve(module: torch.nn.Module, device: str) -> None:
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


def open_task(**arguments: Any) -> Task | DenseTask:
    """A training of SAM3; with the option `dense` of its image encoder alone."""
    with on(arguments["device"]):
        task = Task(**arguments)
        if not arguments["options"].get("dense", False):
            return task
        # The same views whatever is learnt from them; watched on views of the validation set as they are.
        watched = Views(task.validation, task.phrases, task.size, {"crops": task.options.get("crops", WHOLE)})
        return DenseTask(task.model, task.options, task.views, watched, task.phrases, task.device)
