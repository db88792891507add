"""SAM2 on sequences: objects tracked by the package's video predictor.

Each object has a prompt on one frame and predictions on this and all later frames. Objects are tracked independently,
as in the package. Frames are read one at a time, and outputs that the memory attention no longer uses are deleted, so
the memory does not grow with the length of the sequence.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image

from samgap.models import FrameOutput
from samgap.models.runtime.binary_masks import masks_to_predictions
from samgap.models.runtime.device import synchronize
from samgap.models.runtime.frames import FrameTensors, iter_frames
from samgap.models.runtime.precision import FP32, Precision
from samgap.models.runtime.predictions import threshold_logits
from samgap.models.runtime.prompt_tensors import has_values, stack_boxes, stack_points
from samgap.models.runtime.weights import load_weights, read_weights
from samgap.models.sam2.overrides import list_hydra_overrides

# isort: split
from sam2 import sam2_video_predictor
from sam2.build_sam import build_sam2_video_predictor

PIXEL_MEAN, PIXEL_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of ImageNet, with which the package normalizes frames."""


def build_tracker_model(options: Mapping[str, Any], device: str) -> sam2_video_predictor.SAM2VideoPredictor:
    """Return the video model of `options`, randomly initialized."""
    overrides = list_hydra_overrides(options)
    return build_sam2_video_predictor(options["config"], ckpt_path=None, device=device, hydra_overrides_extra=overrides)


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> "Sam2Tracker":
    """Build the video model and load the weights of the image model."""
    model = build_tracker_model(options, device)
    load_weights(model, read_weights(weights), str(weights))
    return Sam2Tracker(model.eval(), Precision.from_options(options))


class Sam2Tracker:
    """A loaded SAM2 video model.

    Args:
        model: the package's video predictor, in evaluation mode.
        precision: number format, compilation and memory layout.
    """

    def __init__(self, model: sam2_video_predictor.SAM2VideoPredictor, precision: Precision = FP32) -> None:
        self.model, self.precision, self.device = model, precision, model.device.type
        precision.prepare_encoder(model.image_encoder, self.device)
        # Filling holes needs a CUDA extension that the installed package lacks; it would only log a warning.
        self.model.fill_hole_area = 0
        self.memory_span_frames = max(
            model.num_maskmem * model.memory_temporal_stride_for_eval, model.max_obj_ptrs_in_encoder
        )

    def track(
        self, frames: Sequence[Image.Image], object_prompts: Sequence[tuple[int, Mapping[str, Any]]]
    ) -> Iterator[FrameOutput]:
        """Track objects through a sequence (see `samgap.models.Tracker`). Prompts have `boxes`, `points` or both."""
        state = self._init_state(frames)
        for frame_index, new_prompts in iter_frames(len(frames), object_prompts):
            with torch.inference_mode(), self.precision.autocast(self.device):
                self.model._get_image_feature(state, frame_index, batch_size=1)
            synchronize(self.device)
            yield FrameOutput(frame_index, None)
            for object_id, prompt in new_prompts.items():
                self._add_prompt(state, frame_index, object_id, prompt)
            yield FrameOutput(frame_index, self._propagate(state, frame_index))
            self._drop_old_memory(state, frame_index)

    def _init_state(self, frames: Sequence[Image.Image]) -> dict[str, Any]:
        width, height = frames[0].size
        loaded = FrameTensors(frames, self.model.image_size, PIXEL_MEAN, PIXEL_STD), height, width
        patch = mock.patch.object(sam2_video_predictor, "load_video_frames", return_value=loaded)
        with self.precision.autocast(self.device), patch:
            return self.model.init_state(video_path="")

    def _add_prompt(self, state: dict[str, Any], frame_index: int, object_id: int, prompt: Mapping[str, Any]) -> None:
        inputs: dict[str, Any] = {}
        if has_values(prompt.get("points")):
            (inputs["points"],), (inputs["labels"],) = stack_points([prompt])
        if has_values(prompt.get("boxes")):
            (inputs["box"],) = stack_boxes([prompt])
        with self.precision.autocast(self.device):
            self.model.add_new_points_or_box(state, frame_index, object_id, **inputs)

    def _propagate(self, state: dict[str, Any], frame_index: int) -> dict[int, Any]:
        """Return the predictions for all objects on a frame.

        The package propagates this frame alone: objects with prompts on later frames are not in the state yet.
        """
        no_progress_bar = mock.patch.object(sam2_video_predictor, "tqdm", lambda frame_indices, **_: frame_indices)
        with self.precision.autocast(self.device), no_progress_bar:
            ((_, object_ids, logits),) = self.model.propagate_in_video(state, frame_index, max_frame_num_to_track=0)
        object_scores = [self._get_object_score(state, object_id, frame_index) for object_id in object_ids]
        scores, masks = threshold_logits(np.array(object_scores), logits[:, 0])
        return {
            object_id: masks_to_predictions(scores[[row]], None, masks[[row]])
            for row, object_id in enumerate(object_ids)
        }

    def _get_object_score(self, state: dict[str, Any], object_id: int, frame_index: int) -> float:
        """Return the model's probability that the object is visible, 0 to 1."""
        outputs = state["output_dict_per_obj"][state["obj_id_to_idx"][object_id]]
        output = outputs["cond_frame_outputs"].get(frame_index) or outputs["non_cond_frame_outputs"][frame_index]
        return output["object_score_logits"].sigmoid().item()

    def _drop_old_memory(self, state: dict[str, Any], frame_index: int) -> None:
        """Delete the outputs of the frame that the memory attention of the next frame no longer uses."""
        for outputs in state["output_dict_per_obj"].values():
            outputs["non_cond_frame_outputs"].pop(frame_index - self.memory_span_frames, None)
