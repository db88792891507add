"""Training SAM3 with the package's own data set, collator, matchers and losses.

Category names are the noun phrases; a phrase whose referent is absent from an image is asked there too, which
is what teaches the presence score.
"""

import functools
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from samgap.models import _sam3_build
from samgap.models._device import on
from samgap.models.sam3 import Sam3
from samgap.phrases import evaluable, truth_ids
from samgap.training._quick import phrase_figures
from samgap.training._run import Data
from samgap.truth import Truth, read

# isort: split
from sam3.train.data.coco_json_loaders import COCO_FROM_JSON
from sam3.train.data.collator import collate_fn_api
from sam3.train.data.sam3_image_dataset import Sam3ImageDataset
from sam3.train.loss import loss_fns
from sam3.train.loss.sam3_loss import Sam3LossWrapper
from sam3.train.matcher import BinaryHungarianMatcherV2, BinaryOneToManyMatcher
from sam3.train.transforms import basic_for_api, segmentation

WEIGHTS = {
    "loss_bbox": 5.0,
    "loss_giou": 2.0,
    "loss_ce": 20.0,
    "presence_loss": 20.0,
    "loss_mask": 200.0,
    "loss_dice": 10.0,
    "loss_semantic_seg": 20.0,
    "loss_semantic_presence": 1.0,
    "loss_semantic_dice": 30.0,
}
"""Those of the package's published fine-tuning configuration; `loss-weights` of a training stand over them."""


class Task:
    """SAM3 on a data set and its phrases. `options` are `trainings.<id>`, `architecture` the model's sizes."""

    def __init__(
        self,
        options: Mapping[str, Any],
        model: Mapping[str, Any],
        phrases: Sequence[Mapping[str, Any]],
        data: Data,
        validation: Data,
        device: str,
        scratch: Path,
    ) -> None:
        self.options, self.device = options, device
        self.size = model["architecture"]["size"]
        self.model = _sam3_build.small(model["architecture"], matcher=_matcher()).to(device)
        _sam3_build.prepare(self.model, model["architecture"])
        self.truth, self.validation = read(validation.truth), validation
        labelled = read(data.truth)
        self.phrases = [phrase for phrase in phrases if evaluable(phrase, labelled)]
        self.dataset = _dataset(data, labelled, self.phrases, self.size, options["negatives"], scratch)
        self.criterion = _criterion(model["architecture"]["grid"] ** 2, {**WEIGHTS, **options.get("loss-weights", {})})

    def loss(self, rng: np.random.Generator) -> dict[str, torch.Tensor]:
        """The package's loss terms on `batch` random images, each asked its phrases (see `_Phrases`)."""
        chosen = rng.integers(0, len(self.dataset), self.options["batch"])
        batch = collate_fn_api([self.dataset[int(index)] for index in chosen], dict_key="all", with_seg_masks=True)
        batch = _to(batch["all"], self.device)
        targets = [self.model.back_convert(target) for target in batch.find_targets]
        losses = self.criterion(self.model(batch), targets)
        kept = ("loss_bbox", "loss_giou", "loss_ce", "presence_loss", "loss_mask", "loss_dice")
        return {"total": losses["core_loss"], **{name: losses[name] for name in kept}}

    def validate(self) -> dict[str, float]:
        self.model.eval()
        return phrase_figures(Sam3(self.model, self.size, self.device), self.validation, self.truth, self.phrases)


def _to(batch: Any, device: str) -> Any:
    if device == "cpu":
        return batch
    from sam3.model.model_misc import copy_data_to_device  # the package's own recursive copy

    return copy_data_to_device(batch, torch.device(device), non_blocking=False)


class _Phrases(COCO_FROM_JSON):
    """The package's loader, asking of an image every phrase that is there and up to `negatives` that are not."""

    def __init__(self, annotation_file: str, negatives: int, **more: Any) -> None:
        super().__init__(annotation_file, **more)
        self.negatives = negatives

    def loadQueriesAndAnnotationsFromDatapoint(self, idx: int) -> tuple[list[Any], list[Any]]:
        queries, annotations = super().loadQueriesAndAnnotationsFromDatapoint(idx)
        present = [query for query in queries if query["object_ids_output"]]
        absent = [query for query in queries if not query["object_ids_output"]]
        asked = present + random.sample(absent, min(self.negatives, len(absent)))
        for number, query in enumerate(asked):
            query["id"] = number
        return asked, annotations


def _dataset(
    data: Data, truth: Truth, phrases: Sequence[Mapping[str, Any]], size: int, negatives: int, scratch: Path
) -> Sam3ImageDataset:
    annotations = scratch / "phrases.json"
    annotations.write_text(json.dumps(_coco(truth, phrases)))
    steps = [
        segmentation.DecodeRle(),
        basic_for_api.RandomHorizontalFlip(consistent_transform=False, p=0.5),
        basic_for_api.RandomResizeAPI(sizes=size, max_size=size, square=True, consistent_transform=False),
        basic_for_api.ToTensorAPI(),
        basic_for_api.NormalizeAPI(mean=[0.5] * 3, std=[0.5] * 3),
    ]
    return Sam3ImageDataset(
        img_folder=str(data.images),
        ann_file=str(annotations),
        transforms=[basic_for_api.ComposeAPI(transforms=steps)],
        max_ann_per_img=200,
        multiplier=1,
        training=True,
        load_segmentation=True,
        max_train_queries=100,
        max_val_queries=100,
        coco_json_loader=functools.partial(_Phrases, negatives=negatives, include_negatives=True),
    )


def _coco(truth: Truth, phrases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The truth as the package's loader wants it: a category a phrase, an annotation a phrase and instance."""
    annotations: list[dict[str, Any]] = []
    for image_id in truth.images:
        by_id = {item.id: item for item in truth.of(image_id)}
        for number, phrase in enumerate(phrases, start=1):
            for truth_id in truth_ids(phrase, image_id, truth) or []:
                item = by_id[truth_id]
                assert item.rle is not None
                x0, y0, x1, y1 = item.box
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": image_id,
                        "category_id": number,
                        "iscrowd": 0,
                        "bbox": [x0, y0, x1 - x0, y1 - y0],
                        "area": item.area,
                        "segmentation": {"size": item.rle["size"], "counts": item.rle["counts"].decode()},
                    }
                )
    images = [{key: image[key] for key in ("id", "file_name", "height", "width")} for image in truth.images.values()]
    categories = [{"id": number, "name": phrase["phrase"]} for number, phrase in enumerate(phrases, start=1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def _matcher() -> BinaryHungarianMatcherV2:
    return BinaryHungarianMatcherV2(
        focal=True, cost_class=2.0, cost_bbox=5.0, cost_giou=2.0, alpha=0.25, gamma=2, stable=False
    )


def _criterion(queries: int, weights: Mapping[str, float]) -> Sam3LossWrapper:
    """The package's losses, masks on, with `weights` by their own names."""

    def of(*names: str) -> dict[str, float]:
        return {name: weights[name] for name in names}

    if not torch.cuda.is_available():
        _without_triton()
    found = [
        loss_fns.Boxes(weight_dict=of("loss_bbox", "loss_giou")),
        loss_fns.IABCEMdetr(
            weak_loss=False,
            weight_dict=of("loss_ce", "presence_loss"),
            pos_weight=10.0,
            alpha=0.25,
            gamma=2,
            use_presence=True,
            pos_focal=False,
            pad_n_queries=queries,
            pad_scale_pos=1.0,
        ),
        loss_fns.Masks(focal_alpha=0.25, focal_gamma=2.0, weight_dict=of("loss_mask", "loss_dice"), compute_aux=False),
    ]
    semantic = loss_fns.SemanticSegCriterion(
        presence_head=True,
        presence_loss=False,
        focal=True,
        focal_alpha=0.6,
        focal_gamma=2.0,
        downsample=False,
        weight_dict=of("loss_semantic_seg", "loss_semantic_presence", "loss_semantic_dice"),
    )
    return Sam3LossWrapper(
        loss_fns_find=found,
        normalization="local",  # `global` needs a process group
        matcher=_matcher(),
        o2m_matcher=BinaryOneToManyMatcher(alpha=0.3, threshold=0.4, topk=4),
        o2m_weight=2.0,
        use_o2m_matcher_on_o2m_aux=False,
        loss_fn_semantic_seg=semantic,
        scale_by_find_batch_size=True,
    )


def _without_triton() -> None:
    """Choose the package's own PyTorch branch of its focal loss: its default is a GPU kernel."""
    if not isinstance(loss_fns.sigmoid_focal_loss, functools.partial):
        loss_fns.sigmoid_focal_loss = functools.partial(loss_fns.sigmoid_focal_loss, triton=False)


def open_task(**arguments: Any) -> Task:
    with on(arguments["device"]):
        return Task(**arguments)
