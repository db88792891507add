"""SAM2 on single images: points, boxes, masks, clicks, or everything on a grid.

An image is encoded once; its prompts go through the mask decoder in batches. A single point is ambiguous: of the three
masks that answer it the one with the best predicted IoU is taken. A box or several points ask for one mask, as do
clicks that correct an answer; so the package's own configurations have it (`multimask_max_pt_num: 1`).
"""

import functools
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from pycocotools import mask as coco_mask
from torch.nn import functional
from torchvision.transforms.v2.functional import pil_to_tensor

from samgap.models import Prediction
from samgap.models.runtime.batching import MemoryBatcher
from samgap.models.runtime.device import cuda_shim, synchronize
from samgap.models.runtime.precision import FP32, Precision
from samgap.models.runtime.predictions import logits_to_predictions
from samgap.models.runtime.rle import upsample_to_masks
from samgap.models.runtime.weights import load_weights, read_weights
from samgap.models.sam2.grid import MASKS_PER_POINT, MAX_POINTS_PER_BATCH, generate_masks

# isort: split
from sam2.build_sam import build_sam2
from sam2.modeling.sam2_base import SAM2Base
from sam2.sam2_image_predictor import SAM2ImagePredictor

MAX_PROMPTS_PER_BATCH = 32
"""At most; with less memory fewer. More are no faster."""

ACTIVATION_MEMORY_FACTOR = 40
"""What a prompt takes in the mask decoder, in copies of the image's embedding: for batches before any was measured."""

MASK_INPUT_LOGIT = 10.0
"""Logit of a prior mask's pixels, negative outside: as the package's video model writes a mask that it is given."""


@dataclass
class PromptBatch:
    """Prompts of one form, of the image's own px: equally many points, each with a box or none, a prior or none.

    The package counts pixels: to it the first one's middle is 0, here it is 0.5 (`_points`).
    """

    point_coords: np.ndarray | None  # float32 (n, k, 2): x, y, from the middle of the first pixel
    point_labels: np.ndarray | None  # int32 (n, k): 1 on the object, 0 off it
    boxes: np.ndarray | None  # float32 (n, 4): x0, y0, x1, y1
    mask_inputs: torch.Tensor | None  # float32 (n, 1, side / 4, side / 4): logits


@dataclass
class MaskBatch:
    """One mask for each prompt asked."""

    masks: np.ndarray  # bool (n, height, width)
    scores: np.ndarray  # float32 (n,): predicted IoU
    logits: torch.Tensor  # float32 (n, 1, side / 4, side / 4): what a further click goes on from


def build_model(options: Mapping[str, Any], device: str) -> SAM2Base:
    """The model of `options`, randomly initialised."""
    overrides = [f"{key}={value}" for key, value in (options.get("overrides") or {}).items()]
    return build_sam2(options["config"], ckpt_path=None, device=device, hydra_overrides_extra=overrides)


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Sam2":
    """Build the model and load its weights (`{"model": …}`)."""
    model = build_model(options, device)
    load_weights(model, read_weights(weights).get("model", {}), str(weights))
    return Sam2(model.eval(), Precision.from_options(options))


class Sam2:
    """A loaded SAM2 image model."""

    precision = FP32

    def __init__(self, model: SAM2Base, precision: Precision = FP32) -> None:
        self.model, self.precision, self.device = model, precision, model.device.type
        self.predictor = SAM2ImagePredictor(model)
        side = model.image_size
        # The package fixes these for an input of 1024 px.
        self.predictor._bb_feat_sizes = [(side // 4, side // 4), (side // 8, side // 8), (side // 16, side // 16)]
        # Bytes go to the device and are scaled there; the package scales on the host and sends floats.
        self.predictor._transforms.to_tensor = lambda image: pil_to_tensor(image).to(model.device).float().div(255)
        precision.prepare_encoder(model.image_encoder, self.device)

    @torch.inference_mode()
    def set_image(self, image: Image.Image) -> None:
        with self.precision.autocast(self.device):
            self.predictor.set_image(image)
        synchronize(self.device)

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> list[Sequence[Prediction]]:
        """Prompts of one form are asked together; those of kind `clicks` by their first click alone (see `clicked`)."""
        found: list[Sequence[Prediction]] = [[] for _ in prompts]
        forms: dict[tuple[int, bool, bool], list[int]] = defaultdict(list)
        for number, prompt in enumerate(prompts):
            if prompt.get("kind") == "grid":
                found[number] = self._generate_masks(stack_grid_points(prompt))
            else:
                points = len(prompt["points"]) if has_values(prompt["points"]) else 0
                forms[points, has_values(prompt["boxes"]), prompt.get("mask") is not None].append(number)
        for (points, boxed, masked), numbers in forms.items():
            ask = functools.partial(self._predict_form, prompts, points, boxed, masked)
            for some, (logits, quality) in self.map_batches(numbers, ask):
                scores, size = quality.float().cpu().numpy(), self.predictor._orig_hw[-1]
                for row, number in enumerate(some):
                    found[number] = logits_to_predictions(scores[[row]], None, logits[[row]], size)
        return found

    def _generate_masks(self, points: np.ndarray) -> list[Prediction]:
        """What the package's automatic generator finds at `points` (n, 2) px."""
        find = functools.partial(generate_masks, self.predictor, points, self.device, self.precision)
        return self.grid_batcher.run(MASKS_PER_POINT * self.bytes_per_prompt, find)

    def _predict_form(
        self, prompts: Sequence[Mapping[str, Any]], n_points: int, has_box: bool, has_mask: bool, indices: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and predicted IoU of `some` of the prompts, all of one form."""
        rows = [prompts[number] for number in indices]
        places, labels = stack_points(rows) if n_points else (None, None)
        priors = self.rles_to_mask_inputs([row["mask"] for row in rows]) if has_mask else None
        asked = PromptBatch(places, labels, stack_boxes(rows) if has_box else None, priors)
        logits, quality = self.predict_logits(asked, multimask=n_points + 2 * has_box <= 1)
        return self._fill_holes(logits), quality

    @functools.cached_property
    def prompt_batcher(self) -> MemoryBatcher:
        return MemoryBatcher(MAX_PROMPTS_PER_BATCH, self.device)

    @functools.cached_property
    def grid_batcher(self) -> MemoryBatcher:
        return MemoryBatcher(MAX_POINTS_PER_BATCH, self.device)

    def map_batches(
        self, indices: Sequence[int], function: Callable[[Sequence[int]], Any]
    ) -> Iterator[tuple[Sequence[int], Any]]:
        """`work` done on prompts of the encoded image, by their numbers, as many at once as memory holds."""
        return self.prompt_batcher.map(indices, self.bytes_per_prompt, function)

    @property
    def bytes_per_prompt(self) -> float:
        """Bytes that a prompt of the encoded image is reckoned to take."""
        height, width = self.predictor._orig_hw[-1]
        return 4.0 * (ACTIVATION_MEMORY_FACTOR * self.predictor._features["image_embed"].numel() + height * width)

    def predict_batch(self, batch: PromptBatch, multimask: bool = True) -> MaskBatch:
        """Ask of the encoded image; the best of three masks, or with `several` false the single one."""
        chosen, quality = self.predict_logits(batch, multimask)
        masks = upsample_to_masks(self._fill_holes(chosen), self.predictor._orig_hw[-1])
        return MaskBatch(masks.cpu().numpy(), quality.float().cpu().numpy(), chosen[:, None].clamp(-32, 32))

    @torch.inference_mode()
    def predict_logits(self, batch: PromptBatch, multimask: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        """The masks asked for as float32 logits (n, side / 4, side / 4), and their predicted IoU (n,)."""
        with cuda_shim(self.device), self.precision.autocast(self.device):
            logits, quality = self._decode_masks(batch, multimask)
        rows, best = torch.arange(len(quality), device=quality.device), quality.argmax(dim=1)
        return logits[rows, best].float(), quality[rows, best]

    def _fill_holes(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits with small holes filled, where the predictor does that: its own step, without the enlarging."""
        return self.predictor._transforms.postprocess_masks(logits[:, None], logits.shape[-2:])[:, 0]

    def _decode_masks(self, batch: PromptBatch, multimask: bool) -> tuple[torch.Tensor, torch.Tensor]:
        prior, points, labels, boxes = self.predictor._prep_prompts(
            batch.point_coords, batch.point_labels, batch.boxes, batch.mask_inputs, normalize_coords=True
        )
        count = next(len(each) for each in (points, boxes, prior) if each is not None)
        places, told = [], []
        if boxes is not None:
            places.append(boxes.reshape(-1, 2, 2))
            told.append(torch.tensor([[2, 3]], dtype=torch.int32, device=boxes.device).expand(count, 2))
        if points is not None:
            places.append(points)
            told.append(labels)
        given = (torch.cat(places, 1), torch.cat(told, 1)) if places else None
        sparse, dense = self.model.sam_prompt_encoder(points=given, boxes=None, masks=prior)
        features = self.predictor._features
        logits, quality, _, _ = self.model.sam_mask_decoder(
            image_embeddings=features["image_embed"],
            image_pe=self.model.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask,
            repeat_image=count > 1,
            high_res_features=features["high_res_feats"],
        )
        return logits, quality

    def rles_to_mask_inputs(self, rles: Sequence[bytes]) -> torch.Tensor:
        """Logits (n, 1, side / 4, side / 4) of prior masks, given as RLE counts of the image's size."""
        height, width = self.predictor._orig_hw[-1]
        size = self.model.sam_prompt_encoder.mask_input_size
        full = [coco_mask.decode({"size": [height, width], "counts": counts}) for counts in rles]
        low = functional.interpolate(torch.from_numpy(np.stack(full))[:, None].float(), size, mode="area")
        return (low * 2 - 1) * MASK_INPUT_LOGIT


def stack_points(prompts: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (prompts, points, 2) in px as the package counts them, and labels (prompts, points).

    A pixel's middle is its number to the package, which adds the half itself, and its number + 0.5 here.
    """
    coordinates = [[(point["x"] - 0.5, point["y"] - 0.5) for point in prompt["points"]] for prompt in prompts]
    labels = [[point["label"] for point in prompt["points"]] for prompt in prompts]
    return np.array(coordinates, np.float32), np.array(labels, np.int32)


def stack_grid_points(prompt: Mapping[str, Any]) -> np.ndarray:
    """Coordinates (points, 2) in px. The package's own grid is of places, not of pixels: nothing is taken off."""
    return np.array([(point["x"], point["y"]) for point in prompt["points"]], np.float32)


def stack_boxes(prompts: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Boxes (prompts, 4) in px, x0 y0 x1 y1."""
    return np.array([[prompt["boxes"][0][edge] for edge in ("x0", "y0", "x1", "y1")] for prompt in prompts], np.float32)


def has_values(value: Any) -> bool:
    return value is not None and len(value) > 0
