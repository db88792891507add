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
from samgap.models.runtime.batching import Batches
from samgap.models.runtime.device import finished, on
from samgap.models.runtime.precision import PLAIN, Speed
from samgap.models.runtime.predictions import from_logits
from samgap.models.runtime.rle import enlarged
from samgap.models.runtime.weights import fill, read
from samgap.models.sam2.grid import MASKS_A_POINT, POINTS_AT_ONCE, everything

# isort: split
from sam2.build_sam import build_sam2
from sam2.modeling.sam2_base import SAM2Base
from sam2.sam2_image_predictor import SAM2ImagePredictor

PROMPTS_AT_ONCE = 32
"""At most; with less memory fewer. More are no faster."""

ACTIVATIONS = 40
"""What a prompt takes in the mask decoder, in copies of the image's embedding: for batches before any was measured."""

PRIOR = 10.0
"""Logit of a prior mask's pixels, negative outside: as the package's video model writes a mask that it is given."""


@dataclass
class Asked:
    """Prompts of one form, of the image's own px: equally many points, each with a box or none, a prior or none.

    The package counts pixels: to it the first one's middle is 0, here it is 0.5 (`_points`).
    """

    points: np.ndarray | None  # float32 (n, k, 2): x, y, from the middle of the first pixel
    labels: np.ndarray | None  # int32 (n, k): 1 on the object, 0 off it
    boxes: np.ndarray | None  # float32 (n, 4): x0, y0, x1, y1
    priors: torch.Tensor | None  # float32 (n, 1, side / 4, side / 4): logits


@dataclass
class Answer:
    """One mask for each prompt asked."""

    masks: np.ndarray  # bool (n, height, width)
    scores: np.ndarray  # float32 (n,): predicted IoU
    logits: torch.Tensor  # float32 (n, 1, side / 4, side / 4): what a further click goes on from


def build(options: Mapping[str, Any], device: str) -> SAM2Base:
    """The model of `options`, randomly initialised."""
    overrides = [f"{key}={value}" for key, value in (options.get("overrides") or {}).items()]
    return build_sam2(options["config"], ckpt_path=None, device=device, hydra_overrides_extra=overrides)


def open_model(options: Mapping[str, Any], weights: Path, device: str) -> "Sam2":
    """Build the model and load its weights (`{"model": …}`)."""
    model = build(options, device)
    fill(model, read(weights).get("model", {}), str(weights))
    return Sam2(model.eval(), Speed.of(options))


class Sam2:
    """A loaded SAM2 image model."""

    speed = PLAIN

    def __init__(self, model: SAM2Base, speed: Speed = PLAIN) -> None:
        self.model, self.speed, self.device = model, speed, model.device.type
        self.predictor = SAM2ImagePredictor(model)
        side = model.image_size
        # The package fixes these for an input of 1024 px.
        self.predictor._bb_feat_sizes = [(side // 4, side // 4), (side // 8, side // 8), (side // 16, side // 16)]
        # Bytes go to the device and are scaled there; the package scales on the host and sends floats.
        self.predictor._transforms.to_tensor = lambda image: pil_to_tensor(image).to(model.device).float().div(255)
        speed.prepared(model.image_encoder, self.device)

    @torch.inference_mode()
    def encode(self, image: Image.Image) -> None:
        with self.speed.numbers(self.device):
            self.predictor.set_image(image)
        finished(self.device)

    def answer(self, prompts: Sequence[Mapping[str, Any]]) -> list[Sequence[Prediction]]:
        """Prompts of one form are asked together; those of kind `clicks` by their first click alone (see `clicked`)."""
        found: list[Sequence[Prediction]] = [[] for _ in prompts]
        forms: dict[tuple[int, bool, bool], list[int]] = defaultdict(list)
        for number, prompt in enumerate(prompts):
            if prompt.get("kind") == "grid":
                found[number] = self._everything(_grid(prompt))
            else:
                points = len(prompt["points"]) if _given(prompt["points"]) else 0
                forms[points, _given(prompt["boxes"]), prompt.get("mask") is not None].append(number)
        for (points, boxed, masked), numbers in forms.items():
            ask = functools.partial(self._form, prompts, points, boxed, masked)
            for some, (logits, quality) in self.in_batches(numbers, ask):
                scores, size = quality.float().cpu().numpy(), self.predictor._orig_hw[-1]
                for row, number in enumerate(some):
                    found[number] = from_logits(scores[[row]], None, logits[[row]], size)
        return found

    def _everything(self, points: np.ndarray) -> list[Prediction]:
        """What the package's automatic generator finds at `points` (n, 2) px."""
        find = functools.partial(everything, self.predictor, points, self.device, self.speed)
        return self.grids.whole(MASKS_A_POINT * self.each, find)

    def _form(
        self, prompts: Sequence[Mapping[str, Any]], points: int, boxed: bool, masked: bool, some: Sequence[int]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and predicted IoU of `some` of the prompts, all of one form."""
        rows = [prompts[number] for number in some]
        places, labels = _points(rows) if points else (None, None)
        priors = self.priors([row["mask"] for row in rows]) if masked else None
        asked = Asked(places, labels, _boxes(rows) if boxed else None, priors)
        logits, quality = self.logits(asked, several=points + 2 * boxed <= 1)
        return self._filled(logits), quality

    @functools.cached_property
    def batches(self) -> Batches:
        return Batches(PROMPTS_AT_ONCE, self.device)

    @functools.cached_property
    def grids(self) -> Batches:
        return Batches(POINTS_AT_ONCE, self.device)

    def in_batches(
        self, numbers: Sequence[int], work: Callable[[Sequence[int]], Any]
    ) -> Iterator[tuple[Sequence[int], Any]]:
        """`work` done on prompts of the encoded image, by their numbers, as many at once as memory holds."""
        return self.batches.of(numbers, self.each, work)

    @property
    def each(self) -> float:
        """Bytes that a prompt of the encoded image is reckoned to take."""
        height, width = self.predictor._orig_hw[-1]
        return 4.0 * (ACTIVATIONS * self.predictor._features["image_embed"].numel() + height * width)

    def ask(self, asked: Asked, several: bool = True) -> Answer:
        """Ask of the encoded image; the best of three masks, or with `several` false the single one."""
        chosen, quality = self.logits(asked, several)
        masks = enlarged(self._filled(chosen), self.predictor._orig_hw[-1])
        return Answer(masks.cpu().numpy(), quality.float().cpu().numpy(), chosen[:, None].clamp(-32, 32))

    @torch.inference_mode()
    def logits(self, asked: Asked, several: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
        """The masks asked for as float32 logits (n, side / 4, side / 4), and their predicted IoU (n,)."""
        with on(self.device), self.speed.numbers(self.device):
            logits, quality = self._decoded(asked, several)
        rows, best = torch.arange(len(quality), device=quality.device), quality.argmax(dim=1)
        return logits[rows, best].float(), quality[rows, best]

    def _filled(self, logits: torch.Tensor) -> torch.Tensor:
        """The logits with small holes filled, where the predictor does that: its own step, without the enlarging."""
        return self.predictor._transforms.postprocess_masks(logits[:, None], logits.shape[-2:])[:, 0]

    def _decoded(self, asked: Asked, several: bool) -> tuple[torch.Tensor, torch.Tensor]:
        prior, points, labels, boxes = self.predictor._prep_prompts(
            asked.points, asked.labels, asked.boxes, asked.priors, normalize_coords=True
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
            multimask_output=several,
            repeat_image=count > 1,
            high_res_features=features["high_res_feats"],
        )
        return logits, quality

    def priors(self, rles: Sequence[bytes]) -> torch.Tensor:
        """Logits (n, 1, side / 4, side / 4) of prior masks, given as RLE counts of the image's size."""
        height, width = self.predictor._orig_hw[-1]
        size = self.model.sam_prompt_encoder.mask_input_size
        full = [coco_mask.decode({"size": [height, width], "counts": counts}) for counts in rles]
        low = functional.interpolate(torch.from_numpy(np.stack(full))[:, None].float(), size, mode="area")
        return (low * 2 - 1) * PRIOR


def _points(prompts: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (prompts, points, 2) in px as the package counts them, and labels (prompts, points).

    A pixel's middle is its number to the package, which adds the half itself, and its number + 0.5 here.
    """
    coordinates = [[(point["x"] - 0.5, point["y"] - 0.5) for point in prompt["points"]] for prompt in prompts]
    labels = [[point["label"] for point in prompt["points"]] for prompt in prompts]
    return np.array(coordinates, np.float32), np.array(labels, np.int32)


def _grid(prompt: Mapping[str, Any]) -> np.ndarray:
    """Coordinates (points, 2) in px. The package's own grid is of places, not of pixels: nothing is taken off."""
    return np.array([(point["x"], point["y"]) for point in prompt["points"]], np.float32)


def _boxes(prompts: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Boxes (prompts, 4) in px, x0 y0 x1 y1."""
    return np.array([[prompt["boxes"][0][edge] for edge in ("x0", "y0", "x1", "y1")] for prompt in prompts], np.float32)


def _given(value: Any) -> bool:
    return value is not None and len(value) > 0
