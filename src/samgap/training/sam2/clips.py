"""Short clips made of still images: a camera that moves, turns and comes closer, and things that pass before it.

From them SAM2 learns to remember an object and to find it again. They train the package's own training model.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from training.loss_fns import CORE_LOSS_KEY, MultiStepMultiMasksAndIous
from training.utils.data_utils import BatchedVideoDatapoint, BatchedVideoMetaData

from samgap.training.crops import image_to_array, jitter_image
from samgap.training.sam2.batch import PIXEL_MEAN, PIXEL_STD, BatchLoader
from samgap.training.sam2.losses import LOSS_WEIGHTS

TRAINING_MODEL_OVERRIDES = {
    "++model._target_": "training.model.sam2.SAM2Train",
    # An object is first shown by a box or a click, each with one more click where the answer is wrong, or by its mask.
    "++model.prob_to_use_pt_input_for_train": 0.8,
    "++model.prob_to_use_box_input_for_train": 0.6,
    "++model.prob_to_use_pt_input_for_eval": 1.0,
    "++model.prob_to_use_box_input_for_eval": 1.0,
    "++model.num_correction_pt_per_frame": 1,
    "++model.pt_sampling_for_eval": "uniform",
}
"""The package's training model in place of its plain one; the weights are the same."""

MIN_TRACKED_AREA_PX = 48
"""An object is tracked if the first frame shows this much of it."""

VIEW_SIDE_RANGE = (0.4, 0.85)
"""What the camera sees, as a share of the image's shorter side."""

MAX_CAMERA_SHIFT, MAX_CAMERA_TURN_DEG, MAX_CAMERA_ZOOM = 0.08, 2.0, 0.03
"""Of the camera from frame to frame, at most: its path as a share of what it sees, degrees, growth."""

OCCLUDER_PROBABILITY = 0.6
"""Share of the clips in which something passes."""


@dataclass
class Camera:
    """Where a frame is taken: its middle (px), its side (px), its turn (radians)."""

    x: float
    y: float
    side_px: float
    angle_rad: float

    def render(self, image: Image.Image, frame_size: int, resample: Image.Resampling) -> Image.Image:
        scale, half = self.side_px / frame_size, self.side_px / 2
        cos, sin = np.cos(self.angle_rad), np.sin(self.angle_rad)
        left, top = self.x - half * (cos - sin), self.y - half * (sin + cos)
        matrix = (scale * cos, -scale * sin, left, scale * sin, scale * cos, top)
        return image.transform((frame_size, frame_size), Image.Transform.AFFINE, matrix, resample)


def sample_camera_path(
    image_size: tuple[int, int], start_centre: tuple[float, float], n_frames: int, rng: np.random.Generator
) -> list[Camera]:
    """A path of `frames` cameras over an image of `size` that starts with `middle` in view and stays inside."""
    side = min(image_size) * rng.uniform(*VIEW_SIDE_RANGE)
    at = np.array(start_centre) + rng.uniform(-0.35, 0.35, 2) * side
    speed = rng.uniform(-MAX_CAMERA_SHIFT, MAX_CAMERA_SHIFT, 2) * side
    turn, turning = 0.0, np.radians(rng.uniform(-MAX_CAMERA_TURN_DEG, MAX_CAMERA_TURN_DEG))
    growth = 1 + rng.uniform(-MAX_CAMERA_ZOOM, MAX_CAMERA_ZOOM)
    path = []
    for _ in range(n_frames):
        reach = min(side / 2 * (np.cos(turn) + abs(np.sin(turn))), min(image_size) / 2)
        at = np.clip(at, reach, np.array(image_size) - reach)
        path.append(Camera(at[0], at[1], side, turn))
        at = at + speed + rng.normal(0, 0.01 * side, 2)
        side, turn = min(side * growth, 0.9 * min(image_size)), turn + turning
    return path


@dataclass
class Occluder:
    """A patch of the picture, an ellipse, that crosses the frames; lengths as shares of a frame."""

    start_centre: np.ndarray
    velocity: np.ndarray
    semi_axes: np.ndarray
    angle_rad: float
    texture: np.ndarray  # (side, side, 3)

    def render_mask(self, frame_index: int, frame_size: int) -> np.ndarray:
        """Where frame `number` shows it, bool (side, side)."""
        x, y = (self.start_centre + self.velocity * frame_index)[:, None, None]
        rows, columns = np.mgrid[:frame_size, :frame_size] / frame_size
        cos, sin = np.cos(self.angle_rad), np.sin(self.angle_rad)
        along, across = (columns - x) * cos + (rows - y) * sin, (rows - y) * cos - (columns - x) * sin
        return (along / self.semi_axes[0]) ** 2 + (across / self.semi_axes[1]) ** 2 <= 1


def sample_occluder(image: Image.Image, frame_size: int, n_frames: int, rng: np.random.Generator) -> Occluder:
    width, height = image.size
    extent = int(min(width, height) * rng.uniform(0.2, 0.5))
    left, top = int(rng.integers(width - extent + 1)), int(rng.integers(height - extent + 1))
    texture = image.resize(
        (frame_size, frame_size), Image.Resampling.BILINEAR, box=(left, top, left + extent, top + extent)
    )
    start, end = rng.uniform(0, 1, 2), rng.uniform(0, 1, 2)
    axes = rng.uniform(0.04, 0.14) * np.array([1, rng.uniform(0.3, 1)])
    return Occluder(start, (end - start) / n_frames, axes, rng.uniform(0, np.pi), np.asarray(texture))


def sample_clip(
    loader: BatchLoader, n_frames: int, max_objects: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (frames, 3, side, side), normalised, and masks (frames, objects or fewer, side, side), bool.

    Of the first data set, whose masks are the truth.
    """
    picture, items = loader.sample_image(0, rng)
    side, jittered = loader.image_size, loader.options.get("jitter", False)
    labels = np.zeros(picture.size[::-1], np.int32)
    for number, item in enumerate(items, start=1):
        labels[loader.load_mask(0, item, items, picture)[0] > 0] = number
    x0, y0, x1, y1 = items[rng.integers(len(items))].box
    path = sample_camera_path(picture.size, ((x0 + x1) / 2, (y0 + y1) / 2), n_frames, rng)
    passer = sample_occluder(picture, side, n_frames, rng) if rng.random() < OCCLUDER_PROBABILITY else None
    flip, light = -1 if rng.random() < 0.5 else 1, int(rng.integers(2**31))
    pixels, numbers = [], []
    map_of_labels = Image.fromarray(labels)
    for number, camera in enumerate(path):
        seen = np.asarray(camera.render(picture, side, Image.Resampling.BILINEAR)).copy()
        label = np.asarray(camera.render(map_of_labels, side, Image.Resampling.NEAREST)).copy()
        if passer:
            covered = passer.render_mask(number, side)
            seen[covered], label[covered] = passer.texture[covered], 0
        shown = Image.fromarray(seen)
        # All frames in the same light.
        values = jitter_image(shown, np.random.default_rng(light)) if jittered else image_to_array(shown)
        pixels.append(((values - PIXEL_MEAN) / PIXEL_STD)[:, ::flip].transpose(2, 0, 1))
        numbers.append(label[:, ::flip])
    found, counts = np.unique(numbers[0], return_counts=True)
    there = [key for key, count in zip(found, counts, strict=True) if key > 0 and count >= MIN_TRACKED_AREA_PX]
    if not there:  # the next draw is another
        return sample_clip(loader, n_frames, max_objects, rng)
    chosen = rng.permutation(there)[:max_objects]
    shown_numbers = np.stack(numbers)
    return np.stack(pixels).astype(np.float32), np.stack([shown_numbers == key for key in chosen], axis=1)


def sample_video_batch(
    loader: BatchLoader, options: Mapping[str, Any], rng: np.random.Generator
) -> BatchedVideoDatapoint:
    """A batch of `videos` clips as the package's training model reads it."""
    clips = [sample_clip(loader, options["frames"], options["objects"], rng) for _ in range(options["videos"])]
    owners = [number for number, (_, masks) in enumerate(clips) for _ in range(masks.shape[1])]
    frames, count = options["frames"], len(owners)
    times = torch.arange(frames, dtype=torch.int)[:, None].expand(frames, count)
    return BatchedVideoDatapoint(
        img_batch=torch.from_numpy(np.stack([pixels for pixels, _ in clips], axis=1)),
        obj_to_frame_idx=torch.stack([times, torch.tensor(owners, dtype=torch.int).expand(frames, count)], dim=-1),
        masks=torch.from_numpy(np.concatenate([masks for _, masks in clips], axis=1)),
        metadata=BatchedVideoMetaData(
            unique_objects_identifier=torch.zeros(frames, count, 3, dtype=torch.long),
            frame_orig_size=torch.full((frames, count, 2), loader.image_size),
            batch_size=[frames],
        ),
        dict_key="all",
        batch_size=[frames],
    )


def compute_clip_losses(model: Any, batch: BatchedVideoDatapoint, rng: np.random.Generator) -> dict[str, Any]:
    """The package's losses on a batch of clips, as means over frames; `total` is descended."""
    criterion = MultiStepMultiMasksAndIous(
        dict(LOSS_WEIGHTS),
        supervise_all_iou=True,
        iou_use_l1_loss=True,
        pred_obj_scores=True,
        focal_gamma_obj_score=0.0,
        focal_alpha_obj_score=-1.0,
    )
    model.rng = rng  # its own goes on from step to step, so a resumed training would see others
    found = criterion(model(batch), batch.masks)
    named = {f"clip_{name.removeprefix('loss_')}": found[name] / batch.num_frames for name in LOSS_WEIGHTS}
    return {"total": found[CORE_LOSS_KEY] / batch.num_frames, **named}


@torch.inference_mode()
def clip_iou(model: Any, batch: BatchedVideoDatapoint, rng: np.random.Generator) -> float:
    """Mean IoU over objects and all frames but the first, where each object is shown by a box; none and none is 1."""
    model.rng = rng
    answers = model(batch)
    scores = []
    for answer, truth in zip(answers[1:], batch.masks[1:], strict=True):
        found = answer["pred_masks_high_res"][:, 0] > 0
        shared, either = (found & truth).sum((1, 2)), (found | truth).sum((1, 2))
        scores += [1.0 if not any_ else one / any_ for one, any_ in zip(shared.tolist(), either.tolist(), strict=True)]
    return float(np.mean(scores))
