"""SAM3 on sequences: objects tracked by the package's tracker, with the prompts of SAM2.

The tracker selects its memory by the scores of all objects of a video. So objects prompted on the same frame are
tracked together, as in the package, and those of different frames independently. Frames are read and encoded one at a
time. The memory grows with the length of the sequence, as the tracker may select any earlier frame. The tracker also
runs on a CPU, although the package calls CUDA.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from samgap.models import FrameOutput
from samgap.models.runtime.binary_masks import masks_to_predictions
from samgap.models.runtime.device import cuda_shim, synchronize
from samgap.models.runtime.frames import FrameTensors, iter_frames
from samgap.models.runtime.precision import FP32, Precision
from samgap.models.runtime.predictions import threshold_logits
from samgap.models.runtime.prompt_tensors import has_values, stack_boxes, stack_points
from samgap.models.runtime.weights import KeyLayout, load_weights, read_weights
from samgap.models.sam3.architecture import get_head_width
from samgap.models.sam3.image_encoder import build_image_encoder, build_position_encoding
from samgap.models.sam3.tracker import build_small_tracker, disable_autocast

# isort: split
from sam3.model.sam3_tracking_predictor import Sam3TrackerPredictor
from sam3.model.vl_combiner import SAM3VLBackbone
from sam3.model_builder import build_tracker

# The package's tracker normalizes frames as SAM2's does, but its encoder was trained with the detector's values.
PIXEL_MEAN = PIXEL_STD = (0.5, 0.5, 0.5)

ENCODER_PREFIX = "backbone.vision_backbone."

IMAGE_MODEL_LAYOUT = KeyLayout(
    {"": "inst_interactive_predictor.model.", ENCODER_PREFIX: ENCODER_PREFIX},
    "the image model with its interactive head",
)
PUBLISHED_LAYOUT = KeyLayout({"": "tracker.", ENCODER_PREFIX: f"detector.{ENCODER_PREFIX}"}, "the published file")
"""How the keys of files differ from those of the tracker."""


def build_tracker_model(options: Mapping[str, Any], device: str) -> Sam3TrackerPredictor:
    """Return the tracker of `options` with its image encoder, randomly initialized."""
    if architecture := options.get("architecture"):
        image_encoder = build_image_encoder(architecture, interactive=True)
        # The tracker reads the maps of the second neck alone, with a position encoding of their width.
        image_encoder.position_encoding = build_position_encoding(get_head_width(architecture))
        return build_small_tracker(architecture, SAM3VLBackbone(visual=image_encoder, text=None, scalp=1))
    with cuda_shim(device):
        model = build_tracker(apply_temporal_disambiguation=True, with_backbone=True)
    return disable_autocast(model)


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> "Sam3Tracker":
    """Build the tracker and load its weights from the file of the image model."""
    model = build_tracker_model(options, device)
    layouts = (IMAGE_MODEL_LAYOUT,) if options.get("architecture") else (PUBLISHED_LAYOUT, IMAGE_MODEL_LAYOUT)
    load_weights(model, read_weights(weights), str(weights), strict=False, layouts=layouts)
    return Sam3Tracker(model.to(device).eval(), device, Precision.from_options(options))


class Sam3Tracker:
    """A loaded SAM3 tracker.

    Args:
        model: the package's tracker, in evaluation mode on `device`.
        device: `cpu` or `cuda`.
        precision: number format, compilation and memory layout.
    """

    def __init__(self, model: Sam3TrackerPredictor, device: str, precision: Precision = FP32) -> None:
        self.model, self.device, self.precision = model, device, precision
        precision.prepare_encoder(model.backbone.vision_backbone.trunk, device)

    def track(
        self, frames: Sequence[Image.Image], object_prompts: Sequence[tuple[int, Mapping[str, Any]]]
    ) -> Iterator[FrameOutput]:
        """Track objects through a sequence (see `samgap.models.Tracker`). Prompts have `boxes`, `points` or both."""
        inputs = FrameTensors(frames, self.model.image_size, PIXEL_MEAN, PIXEL_STD)
        states: list[dict[str, Any]] = []  # one for each frame with prompts
        for frame_index, new_prompts in iter_frames(len(frames), object_prompts):
            features = self._encode_frame(inputs[frame_index])
            yield FrameOutput(frame_index, None)
            if new_prompts:
                states.append(self._init_state(frames[frame_index].size, len(frames)))
            predictions: dict[int, Any] = {}
            for state in states:
                state["cached_features"] = {frame_index: features}
                state_prompts = new_prompts if state is states[-1] else {}
                for object_id, prompt in state_prompts.items():
                    self._add_prompt(state, frame_index, object_id, prompt)
                predictions |= self._propagate(state, frame_index, bool(state_prompts))
            yield FrameOutput(frame_index, predictions)

    @torch.inference_mode()
    def _encode_frame(self, pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        image = pixels[None].to(self.device)
        with cuda_shim(self.device), self.precision.autocast(self.device):
            features = self.model.forward_image(image)
        synchronize(self.device)
        return image, features

    def _init_state(self, frame_size: tuple[int, int], n_frames: int) -> dict[str, Any]:
        with cuda_shim(self.device):
            return self.model.init_state(
                video_height=frame_size[1],
                video_width=frame_size[0],
                num_frames=n_frames,
                offload_state_to_cpu=self.device == "cpu",
            )

    def _add_prompt(self, state: dict[str, Any], frame_index: int, object_id: int, prompt: Mapping[str, Any]) -> None:
        """Add a prompt; the tracker takes coordinates relative to the frame size."""
        size = torch.tensor([state["video_width"], state["video_height"]], dtype=torch.float32)
        inputs: dict[str, Any] = {}
        if has_values(prompt.get("points")):
            points, labels = stack_points([prompt])
            inputs |= {"points": torch.from_numpy(points[0]) / size, "labels": torch.from_numpy(labels[0])}
        if has_values(prompt.get("boxes")):
            inputs["box"] = (torch.from_numpy(stack_boxes([prompt])[0]).reshape(2, 2) / size).flatten()
        with cuda_shim(self.device), self.precision.autocast(self.device):
            self.model.add_new_points_or_box(state, frame_index, object_id, **inputs)

    def _propagate(self, state: dict[str, Any], frame_index: int, has_new_prompts: bool) -> dict[int, Any]:
        """Return the predictions for the objects of a state on a frame."""
        with cuda_shim(self.device), self.precision.autocast(self.device):
            ((_, object_ids, _, logits, score_logits),) = self.model.propagate_in_video(
                state, frame_index, 0, reverse=False, tqdm_disable=True, propagate_preflight=has_new_prompts
            )
        scores, masks = threshold_logits(score_logits.float().sigmoid().flatten().cpu().numpy(), logits[:, 0])
        return {
            object_id: masks_to_predictions(scores[[row]], None, masks[[row]])
            for row, object_id in enumerate(object_ids)
        }
