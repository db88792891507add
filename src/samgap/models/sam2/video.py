"""Objects followed through a sequence by the package's video predictor.

Each object is shown on a frame of its own and answered on it and on all that follow. It is followed by itself, as the
package does it: no other object changes its masks. Frames are read one at a time, and what the memory no longer reaches
is dropped, so that a long sequence needs no more memory than a short one.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image

from samgap.models import FrameOutput
from samgap.models.runtime.device import synchronize
from samgap.models.runtime.precision import FP32, Precision
from samgap.models.runtime.predictions import masks_to_predictions
from samgap.models.runtime.weights import load_weights, read_weights
from samgap.models.sam2.image import stack_boxes, stack_points

# isort: split
from sam2 import sam2_video_predictor as package
from sam2.build_sam import build_sam2_video_predictor

PIXEL_MEAN, PIXEL_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, by which the package scales frames."""


def build_tracker_model(options: Mapping[str, Any], device: str) -> package.SAM2VideoPredictor:
    """The model of `options` with its memory in use, randomly initialised."""
    overrides = [f"{key}={value}" for key, value in (options.get("overrides") or {}).items()]
    return build_sam2_video_predictor(options["config"], ckpt_path=None, device=device, hydra_overrides_extra=overrides)


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> "Sam2Tracker":
    """Build the model and load its weights (`{"model": …}`), the same that answer single images."""
    model = build_tracker_model(options, device)
    load_weights(model, read_weights(weights).get("model", {}), str(weights))
    return Sam2Tracker(model.eval(), Precision.from_options(options))


class FrameTensors:
    """The frames of a sequence as a model takes them, read when they are asked for: float32 (3, side, side)."""

    def __init__(
        self,
        frames: Sequence[Image.Image],
        image_size: int,
        mean: tuple[float, ...] = PIXEL_MEAN,
        std: tuple[float, ...] = PIXEL_STD,
    ) -> None:
        self.frames, self.image_size = frames, image_size
        self.mean, self.std = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> torch.Tensor:
        # In the package's order of steps, for the same numbers: PIL resizes, then 0 to 1, then the scaling.
        pixels = np.array(self.frames[index].convert("RGB").resize((self.image_size, self.image_size))) / 255.0
        return (torch.from_numpy(pixels).permute(2, 0, 1).float() - self.mean) / self.std


class Sam2Tracker:
    """A loaded SAM2 video model."""

    def __init__(self, model: package.SAM2VideoPredictor, precision: Precision = FP32) -> None:
        self.model, self.precision, self.device = model, precision, model.device.type
        precision.prepare_encoder(model.image_encoder, self.device)
        # Holes would be filled by a compiled part that the installed package is without; it would only warn.
        self.model.fill_hole_area = 0
        self.memory_span_frames = max(
            model.num_maskmem * model.memory_temporal_stride_for_eval, model.max_obj_ptrs_in_encoder
        )

    def track(
        self, frames: Sequence[Image.Image], object_prompts: Sequence[tuple[int, Mapping[str, Any]]]
    ) -> Iterator[FrameOutput]:
        """Answers a frame at a time (`samgap.models.Tracker`); `shown`: a frame's number with `boxes` and `points`."""
        starts = defaultdict(list)
        for number, (frame, _) in enumerate(object_prompts):
            starts[frame].append(number)
        state = self._init_state(frames)
        for frame in range(min(starts, default=len(frames)), len(frames)):
            with torch.inference_mode(), self.precision.autocast(self.device):
                self.model._get_image_feature(state, frame, batch_size=1)
            synchronize(self.device)
            yield FrameOutput(frame, None)
            with self.precision.autocast(self.device), mock.patch.object(package, "tqdm", lambda each, **_: each):
                for number in starts.get(frame, []):
                    self._add_prompt(state, frame, number, object_prompts[number][1])
                # One frame, so that what is shown on the next is not followed from before it was.
                ((_, numbers, logits),) = self.model.propagate_in_video(state, frame, max_frame_num_to_track=0)
            masks = (logits[:, 0] > 0).cpu().numpy()
            found = {
                number: masks_to_predictions(np.array([self._get_object_score(state, number, frame)]), None, mask[None])
                for number, mask in zip(numbers, masks, strict=True)
            }
            yield FrameOutput(frame, found)
            self._drop_old_memory(state, frame)

    def _init_state(self, frames: Sequence[Image.Image]) -> dict[str, Any]:
        width, height = frames[0].size
        loaded = FrameTensors(frames, self.model.image_size), height, width
        with self.precision.autocast(self.device), mock.patch.object(package, "load_video_frames", return_value=loaded):
            return self.model.init_state(video_path="")

    def _add_prompt(self, state: dict[str, Any], frame_index: int, object_id: int, prompt: Mapping[str, Any]) -> None:
        points, box = prompt.get("points"), prompt.get("boxes")
        asked: dict[str, Any] = {}
        if points is not None and len(points):
            (asked["points"],), (asked["labels"],) = stack_points([prompt])
        if box is not None and len(box):
            (asked["box"],) = stack_boxes([prompt])
        self.model.add_new_points_or_box(state, frame_index, object_id, **asked)

    def _get_object_score(self, state: dict[str, Any], object_id: int, frame_index: int) -> float:
        """How sure the model is that the object is in sight, 0 to 1."""
        of_object = state["output_dict_per_obj"][state["obj_id_to_idx"][object_id]]
        out = of_object["cond_frame_outputs"].get(frame_index) or of_object["non_cond_frame_outputs"][frame_index]
        return out["object_score_logits"].sigmoid().item()

    def _drop_old_memory(self, state: dict[str, Any], frame_index: int) -> None:
        for of_object in state["output_dict_per_obj"].values():
            of_object["non_cond_frame_outputs"].pop(frame_index - self.memory_span_frames, None)
