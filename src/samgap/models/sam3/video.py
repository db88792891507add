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

from samgap.models import Frame
from samgap.models.runtime.device import finished, on
from samgap.models.runtime.precision import PLAIN, Speed
from samgap.models.runtime.predictions import predictions
from samgap.models.runtime.weights import fill, read
from samgap.models.sam2.image import _boxes, _given, _points
from samgap.models.sam2.video import Inputs
from samgap.models.sam3 import build as _sam3_build
from samgap.models.sam3 import interactive

# isort: split
from sam3.model.sam3_tracking_predictor import Sam3TrackerPredictor
from sam3.model.vl_combiner import SAM3VLBackbone
from sam3.model_builder import build_tracker

# The package's tracker reads frames scaled as SAM2's were; its encoder was trained on these, as its detector has them.
MEAN = DEVIATION = (0.5, 0.5, 0.5)

SMALL = {"inst_interactive_predictor.model.": "", "backbone.vision_backbone.": "backbone.vision_backbone."}
PUBLISHED = {"tracker.": "", "detector.backbone.vision_backbone.": "backbone.vision_backbone."}
"""Where the tracker's parts lie in a file: what a key begins with there, and here."""


def build(options: Mapping[str, Any], device: str) -> Sam3TrackerPredictor:
    """The tracker of `options` with its image encoder, randomly initialised."""
    if "architecture" in options:
        size = options["architecture"]
        vision = _sam3_build.vision(size, interactive=True)
        return interactive.tracker(size, SAM3VLBackbone(visual=vision, text=None, scalp=1))
    with on(device):
        model = build_tracker(apply_temporal_disambiguation=True, with_backbone=True)
    return interactive.without_autocast(model)


def open_tracker(options: Mapping[str, Any], weights: Path, device: str) -> "Sam3Tracker":
    """Build the tracker and load its weights from the file that the image model reads, too."""
    model = build(options, device)
    content = read(weights)
    content, places = content.get("model", content), SMALL if "architecture" in options else PUBLISHED
    state = {
        new + key.removeprefix(old): value
        for old, new in places.items()
        for key, value in content.items()
        if key.startswith(old)
    }
    fill(model, state, str(weights), exact=False)
    return Sam3Tracker(model.to(device).eval(), device, Speed.of(options))


class Sam3Tracker:
    """A loaded SAM3 tracker on `device`."""

    def __init__(self, model: Sam3TrackerPredictor, device: str, speed: Speed = PLAIN) -> None:
        self.model, self.device, self.speed = model, device, speed
        speed.prepared(model.backbone.vision_backbone.trunk, device)

    def track(self, frames: Sequence[Image.Image], shown: Sequence[tuple[int, Mapping[str, Any]]]) -> Iterator[Frame]:
        """Answers a frame at a time (`samgap.models.Tracker`); `shown`: a frame's number with `boxes` and `points`."""
        starts = defaultdict(list)
        for number, (frame, _) in enumerate(shown):
            starts[frame].append(number)
        inputs = Inputs(frames, self.model.image_size, MEAN, DEVIATION)
        states: list[dict[str, Any]] = []
        for frame in range(min(starts, default=len(frames)), len(frames)):
            features = self._encoded(inputs[frame])
            yield Frame(frame, None)
            if frame in starts:
                states.append(self._state(frames[frame].size, len(frames)))
            found: dict[int, Any] = {}
            for state in states:
                state["cached_features"] = {frame: features}
                new = starts.get(frame, []) if state is states[-1] else []
                for number in new:
                    self._show(state, frame, number, shown[number][1])
                found |= self._answers(state, frame, bool(new))
            yield Frame(frame, found)

    @torch.inference_mode()
    def _encoded(self, pixels: torch.Tensor) -> tuple[torch.Tensor, dict[str, Any]]:
        image = pixels[None].to(self.device)
        with on(self.device), self.speed.numbers(self.device):
            features = self.model.forward_image(image)
        finished(self.device)
        return image, features

    def _state(self, size: tuple[int, int], frames: int) -> dict[str, Any]:
        with on(self.device):
            return self.model.init_state(
                video_height=size[1],
                video_width=size[0],
                num_frames=frames,
                offload_state_to_cpu=self.device == "cpu",
            )

    def _show(self, state: dict[str, Any], frame: int, number: int, prompt: Mapping[str, Any]) -> None:
        """The tracker takes places as shares of the frame."""
        size = torch.tensor([state["video_width"], state["video_height"]], dtype=torch.float32)
        asked: dict[str, Any] = {}
        if _given(prompt.get("points")):
            points, labels = _points([prompt])
            asked |= {"points": torch.from_numpy(points[0]) / size, "labels": torch.from_numpy(labels[0])}
        if _given(prompt.get("boxes")):
            asked["box"] = (torch.from_numpy(_boxes([prompt])[0]).reshape(2, 2) / size).flatten()
        with on(self.device), self.speed.numbers(self.device):
            self.model.add_new_points_or_box(state, frame, number, **asked)

    def _answers(self, state: dict[str, Any], frame: int, new: bool) -> dict[int, Any]:
        with on(self.device), self.speed.numbers(self.device):
            ((_, numbers, _, logits, sights),) = self.model.propagate_in_video(
                state, frame, 0, reverse=False, tqdm_disable=True, propagate_preflight=new
            )
        masks, scores = (logits[:, 0] > 0).cpu().numpy(), sights.float().sigmoid().flatten().cpu().numpy()
        return {
            number: predictions(np.array([score]), None, mask[None])
            for number, score, mask in zip(numbers, scores, masks, strict=True)
        }
