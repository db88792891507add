"""Objects followed through a sequence by SAM3's tracker, shown by places as SAM2's are.

The package gives the tracker the objects of a video at once, and chooses what it remembers by how well all of them are
seen; so objects that are shown on the same frame are followed together here, and those of another frame apart from
them. Frames are read and encoded one at a time. What is remembered grows with the sequence: the tracker may choose any
earlier frame. It runs on a CPU too, though the package calls for CUDA.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from samgap.models import FrameOutput
from samgap.models.runtime.device import cuda_shim, synchronize
from samgap.models.runtime.precision import FP32, Precision
from samgap.models.runtime.predictions import masks_to_predictions
from samgap.models.runtime.weights import load_weights, read_weights
from samgap.models.sam2.image import has_values, stack_boxes, stack_points
from samgap.models.sam2.video import FrameTensors
from samgap.models.sam3 import build as _sam3_build
from samgap.models.sam3 import interactive

# isort: split
from sam3.model.sam3_tracking_predictor import Sam3TrackerPredictor
from sam3.model.vl_combiner import SAM3VLBackbone
from sam3.model_builder import build_tracker

# The package's tracker reads frames scaled as SAM2's were; its encoder was trained on these, as its detector has them.
PIXEL_MEAN = PIXEL_STD = (0.5, 0.5, 0.5)

SMALL_KEY_PREFIXES = {"inst_interactive_predictor.model.": "", "backbone.vision_backbone.": "backbone.vision_backbone."}
PUBLISHED_KEY_PREFIXES = {"tracker.": "", "detector.backbone.vision_backbone.": "backbone.vision_backbone."}
"""Where the tracker's parts lie in a file: what a key begins with there, and here."""


def build_tracker_model(options: Mapping[str, Any], device: str) -> Sam3TrackerPredictor:
    """The tracker of `options` with its image encoder, randomly initialised."""
    if "architecture" in options:
        size = options["architecture"]
        vision = _sam3_build.build_image_encoder(size, interactive=True)
        return interactive.build_small_tracker(size, SAM3VLBackbone(visual=vision, text=None, scalp=1))
    with cuda_shim(device):
        model = build_tracker(apply_temporal_disambiguation=True, with_backbone=True)
    return interactive.disable_autocast(model)


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> "Sam3Tracker":
    """Build the tracker and load its weights from the file that the image model reads, too."""
    model = build_tracker_model(options, device)
    content = read_weights(weights)
    content, places = (
        content.get("model", content),
        SMALL_KEY_PREFIXES if "architecture" in options else PUBLISHED_KEY_PREFIXES,
    )
    state = {
        new + key.removeprefix(old): value
        for old, new in places.items()
        for key, value in content.items()
        if key.startswith(old)
    }
    load_weights(model, state, str(weights), strict=False)
    return Sam3Tracker(model.to(device).eval(), device, Precision.from_options(options))


class Sam3Tracker:
    """A loaded SAM3 tracker on `device`."""

    def __init__(self, model: Sam3TrackerPredictor, device: str, precision: Precision = FP32) -> None:
        self.model, self.device, self.precision = model, device, precision
        precision.prepare_encoder(model.backbone.vision_backbone.trunk, device)

    def track(
        self, frames: Sequence[Image.Image], object_prompts: Sequence[tuple[int, Mapping[str, Any]]]
    ) -> Iterator[FrameOutput]:
        """Answers a frame at a time (`samgap.models.Tracker`); `shown`: a frame's number with `boxes` and `points`."""
        starts = defaultdict(list)
        for number, (frame, _) in enumerate(object_prompts):
            starts[frame].append(number)
        inputs = FrameTensors(frames, self.model.image_size, PIXEL_MEAN, PIXEL_STD)
        states: list[dict[str, Any]] = []
        for frame in range(min(starts, default=len(frames)), len(frames)):
            features = self._encode_frame(inputs[frame])
            yield FrameOutput(frame, None)
            if frame in starts:
                states.append(self._init_state(frames[frame].size, len(frames)))
            found: dict[int, Any] = {}
            for state in states:
                state["cached_features"] = {frame: features}
                new = starts.get(frame, []) if state is states[-1] else []
                for number in new:
                    self._add_prompt(state, frame, number, object_prompts[number][1])
                found |= self._propagate(state, frame, bool(new))
            yield FrameOutput(frame, found)

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
        """The tracker takes places as shares of the frame."""
        size = torch.tensor([state["video_width"], state["video_height"]], dtype=torch.float32)
        asked: dict[str, Any] = {}
        if has_values(prompt.get("points")):
            points, labels = stack_points([prompt])
            asked |= {"points": torch.from_numpy(points[0]) / size, "labels": torch.from_numpy(labels[0])}
        if has_values(prompt.get("boxes")):
            asked["box"] = (torch.from_numpy(stack_boxes([prompt])[0]).reshape(2, 2) / size).flatten()
        with cuda_shim(self.device), self.precision.autocast(self.device):
            self.model.add_new_points_or_box(state, frame_index, object_id, **asked)

    def _propagate(self, state: dict[str, Any], frame_index: int, has_new_prompts: bool) -> dict[int, Any]:
        with cuda_shim(self.device), self.precision.autocast(self.device):
            ((_, numbers, _, logits, sights),) = self.model.propagate_in_video(
                state, frame_index, 0, reverse=False, tqdm_disable=True, propagate_preflight=has_new_prompts
            )
        masks, scores = (logits[:, 0] > 0).cpu().numpy(), sights.float().sigmoid().flatten().cpu().numpy()
        return {
            number: masks_to_predictions(np.array([score]), None, mask[None])
            for number, score, mask in zip(numbers, scores, masks, strict=True)
        }
