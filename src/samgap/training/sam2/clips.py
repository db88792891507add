"""Short clips made of still images: a camera that moves, turns and zooms, and an object that passes in front.

They train SAM2's memory, with the package's own training model and losses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import torch
from PIL import Image
from training import loss_fns
from training.loss_fns import CORE_LOSS_KEY, MultiStepMultiMasksAndIous
from training.utils.data_utils import BatchedVideoDatapoint, BatchedVideoMetaData

from samgap.annotations.ground_truth import Instance
from samgap.training.crops import image_to_array, jitter_image
from samgap.training.sam2.batch import PIXEL_MEAN, PIXEL_STD, BatchLoader
from samgap.training.sam2.losses import LOSS_WEIGHTS
from samgap.training.sampling import retry_sample

TRAINING_MODEL_OVERRIDES = {
    "++model._target_": "training.model.sam2.SAM2Train",
    # The first prompt of an object is a box or a point, each followed by one corrective click, or its mask.
    "++model.prob_to_use_pt_input_for_train": 0.8,
    "++model.prob_to_use_box_input_for_train": 0.6,
    "++model.prob_to_use_pt_input_for_eval": 1.0,
    "++model.prob_to_use_box_input_for_eval": 1.0,
    "++model.num_correction_pt_per_frame": 1,
    "++model.pt_sampling_for_eval": "uniform",
}
"""Overrides that build the package's training model; it has the same weights as the model for inference."""

MIN_TRACKED_AREA_PX = 48
"""An object is tracked if its mask in the first frame has at least this area."""

VIEW_SIDE_RANGE = (0.4, 0.85)
"""Side of the first frame, as a fraction of the image's shorter side."""

MAX_CAMERA_SHIFT, MAX_CAMERA_TURN_DEG, MAX_CAMERA_ZOOM = 0.08, 2.0, 0.03
"""Largest motion from frame to frame: shift as a fraction of the frame's side, rotation in degrees, change of scale."""

OCCLUDER_PROBABILITY = 0.6
"""Probability that something passes in front of the objects of a clip."""


@dataclass
class Camera:
    """The part of an image that a frame shows: a rotated square."""

    x: float  # centre, px
    y: float
    side_px: float
    angle_rad: float

    def render(self, image: Image.Image, frame_size: int, resample: Image.Resampling) -> Image.Image:
        """Return the frame, `frame_size` px square."""
        scale, half = self.side_px / frame_size, self.side_px / 2
        cos, sin = np.cos(self.angle_rad), np.sin(self.angle_rad)
        left, top = self.x - half * (cos - sin), self.y - half * (sin + cos)
        matrix = (scale * cos, -scale * sin, left, scale * sin, scale * cos, top)
        return image.transform((frame_size, frame_size), Image.Transform.AFFINE, matrix, resample)


def sample_camera_path(
    image_size: tuple[int, int], start_centre: tuple[float, float], n_frames: int, rng: np.random.Generator
) -> list[Camera]:
    """Sample the cameras of a clip within an image (width, height); the first view contains `start_centre` (x, y)."""
    side = min(image_size) * rng.uniform(*VIEW_SIDE_RANGE)
    centre = np.array(start_centre) + rng.uniform(-0.35, 0.35, 2) * side
    velocity = rng.uniform(-MAX_CAMERA_SHIFT, MAX_CAMERA_SHIFT, 2) * side
    angle, turn = 0.0, np.radians(rng.uniform(-MAX_CAMERA_TURN_DEG, MAX_CAMERA_TURN_DEG))
    zoom = 1 + rng.uniform(-MAX_CAMERA_ZOOM, MAX_CAMERA_ZOOM)
    path = []
    for _ in range(n_frames):
        half_extent = min(side / 2 * (np.cos(angle) + abs(np.sin(angle))), min(image_size) / 2)
        centre = np.clip(centre, half_extent, np.array(image_size) - half_extent)
        path.append(Camera(centre[0], centre[1], side, angle))
        centre = centre + velocity + rng.normal(0, 0.01 * side, 2)
        side, angle = min(side * zoom, 0.9 * min(image_size)), angle + turn
    return path


@dataclass
class Occluder:
    """An elliptical patch of the image that crosses the frames; lengths as fractions of the frame's side."""

    start_centre: np.ndarray  # (2,) x, y
    velocity: np.ndarray  # (2,) per frame
    semi_axes: np.ndarray  # (2,)
    angle_rad: float
    texture: np.ndarray  # uint8 (side, side, 3)

    def render_mask(self, frame_index: int, frame_size: int) -> np.ndarray:
        """Return the pixels that the occluder covers in a frame, bool (frame_size, frame_size)."""
        x, y = (self.start_centre + self.velocity * frame_index)[:, None, None]
        rows, columns = np.mgrid[:frame_size, :frame_size] / frame_size
        cos, sin = np.cos(self.angle_rad), np.sin(self.angle_rad)
        along, across = (columns - x) * cos + (rows - y) * sin, (rows - y) * cos - (columns - x) * sin
        return (along / self.semi_axes[0]) ** 2 + (across / self.semi_axes[1]) ** 2 <= 1


def sample_occluder(image: Image.Image, frame_size: int, n_frames: int, rng: np.random.Generator) -> Occluder:
    """Sample an occluder with the texture of a random part of the image."""
    width, height = image.size
    extent = int(min(width, height) * rng.uniform(0.2, 0.5))
    left, top = int(rng.integers(width - extent + 1)), int(rng.integers(height - extent + 1))
    texture = image.resize(
        (frame_size, frame_size), Image.Resampling.BILINEAR, box=(left, top, left + extent, top + extent)
    )
    start, end = rng.uniform(0, 1, 2), rng.uniform(0, 1, 2)
    semi_axes = rng.uniform(0.04, 0.14) * np.array([1, rng.uniform(0.3, 1)])
    return Occluder(start, (end - start) / n_frames, semi_axes, rng.uniform(0, np.pi), np.asarray(texture))


def sample_clip(
    loader: BatchLoader, n_frames: int, max_objects: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sample a clip from the first data set, whose masks are annotated rather than estimated.

    Returns:
        Normalised pixels, float32 (frames, 3, side, side), and the masks of at most `max_objects` objects, bool
        (frames, objects, side, side).

    Raises:
        UserError: no clip has an object that is large enough.
    """
    return retry_sample(
        lambda: _sample_tracked_clip(loader, n_frames, max_objects, rng),
        f"{loader.sources[0].ground_truth_path}: no instance is large enough to be tracked in training clips; use "
        "larger images or another data set, or remove the option clips",
    )


def _sample_tracked_clip(
    loader: BatchLoader, n_frames: int, max_objects: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray] | None:
    """Sample a clip, or return None if nothing is large enough in its first frame."""
    image, instances = loader.sample_image(0, rng)
    side, with_jitter = loader.image_size, loader.options.get("jitter", False)
    label_image = _draw_labels(loader, image, instances)
    x0, y0, x1, y1 = instances[rng.integers(len(instances))].box
    path = sample_camera_path(image.size, ((x0 + x1) / 2, (y0 + y1) / 2), n_frames, rng)
    occluder = sample_occluder(image, side, n_frames, rng) if rng.random() < OCCLUDER_PROBABILITY else None
    flip, light_seed = -1 if rng.random() < 0.5 else 1, int(rng.integers(2**31))
    pixels, label_maps = [], []
    for frame_index, camera in enumerate(path):
        frame = np.asarray(camera.render(image, side, Image.Resampling.BILINEAR)).copy()
        labels = np.asarray(camera.render(label_image, side, Image.Resampling.NEAREST)).copy()
        if occluder:
            covered = occluder.render_mask(frame_index, side)
            frame[covered], labels[covered] = occluder.texture[covered], 0
        frame_image = Image.fromarray(frame)
        # The same light in all frames.
        values = (
            jitter_image(frame_image, np.random.default_rng(light_seed)) if with_jitter else image_to_array(frame_image)
        )
        pixels.append(((values - PIXEL_MEAN) / PIXEL_STD)[:, ::flip].transpose(2, 0, 1))
        label_maps.append(labels[:, ::flip])
    labels_in_view, areas_px = np.unique(label_maps[0], return_counts=True)
    tracked = [
        label
        for label, area_px in zip(labels_in_view, areas_px, strict=True)
        if label > 0 and area_px >= MIN_TRACKED_AREA_PX
    ]
    if not tracked:
        return None
    selected = rng.permutation(tracked)[:max_objects]
    all_labels = np.stack(label_maps)
    return np.stack(pixels).astype(np.float32), np.stack([all_labels == label for label in selected], axis=1)


def _draw_labels(loader: BatchLoader, image: Image.Image, instances: Sequence[Instance]) -> Image.Image:
    """Draw the masks of instances of the first data set into one image, int32: 0 or the instance's position from 1."""
    labels = np.zeros(image.size[::-1], np.int32)
    for label, instance in enumerate(instances, start=1):
        labels[loader.load_mask(0, instance, instances, image)[0] > 0] = label
    return Image.fromarray(labels)


def sample_video_batch(
    loader: BatchLoader, options: Mapping[str, Any], rng: np.random.Generator
) -> BatchedVideoDatapoint:
    """Sample `videos` clips of `frames` frames and at most `objects` objects for the package's training model."""
    n_frames = options["frames"]
    clips = [sample_clip(loader, n_frames, options["objects"], rng) for _ in range(options["videos"])]
    clip_indices = [index for index, (_, masks) in enumerate(clips) for _ in range(masks.shape[1])]
    n_objects = len(clip_indices)
    times = torch.arange(n_frames, dtype=torch.int)[:, None].expand(n_frames, n_objects)
    return BatchedVideoDatapoint(
        img_batch=torch.from_numpy(np.stack([pixels for pixels, _ in clips], axis=1)),
        obj_to_frame_idx=torch.stack(
            [times, torch.tensor(clip_indices, dtype=torch.int).expand(n_frames, n_objects)], dim=-1
        ),
        masks=torch.from_numpy(np.concatenate([masks for _, masks in clips], axis=1)),
        metadata=BatchedVideoMetaData(
            unique_objects_identifier=torch.zeros(n_frames, n_objects, 3, dtype=torch.long),
            frame_orig_size=torch.full((n_frames, n_objects, 2), loader.image_size),
            batch_size=[n_frames],
        ),
        dict_key="all",
        batch_size=[n_frames],
    )


def compute_clip_losses(
    model: Any, batch: BatchedVideoDatapoint, n_objects: float, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the package's losses on clips, means over the frames: `total`, and its terms as `clip_<name>`.

    Args:
        model: the package's training model
        batch: the clips
        n_objects: divisor of the sums over objects
        rng: samples the prompts
    """
    criterion = MultiStepMultiMasksAndIous(
        dict(LOSS_WEIGHTS),
        supervise_all_iou=True,
        iou_use_l1_loss=True,
        pred_obj_scores=True,
        focal_gamma_obj_score=0.0,
        focal_alpha_obj_score=-1.0,
    )
    model.rng = rng  # the model's own generator has a state that a resumed training would not restore
    # The package would average the number of objects over the processes, of which others may train on images.
    with mock.patch.multiple(loss_fns, is_dist_avail_and_initialized=lambda: False, get_world_size=lambda: 1):
        losses = criterion(model(batch), batch.masks)
    divisor = batch.num_frames * n_objects / max(batch.masks.shape[1], 1)
    terms = {f"clip_{name.removeprefix('loss_')}": losses[name] / divisor for name in LOSS_WEIGHTS}
    return {"total": losses[CORE_LOSS_KEY] / divisor, **terms}


@torch.inference_mode()
def compute_clip_iou(model: Any, batch: BatchedVideoDatapoint, rng: np.random.Generator) -> float:
    """Return the mean IoU over objects and frames, without the first frame, in which objects are prompted by a box.

    If the mask and the prediction are both empty, the IoU is 1.
    """
    model.rng = rng
    outputs = model(batch)
    ious = []
    for output, targets in zip(outputs[1:], batch.masks[1:], strict=True):
        predicted = output["pred_masks_high_res"][:, 0] > 0
        intersection, union = (predicted & targets).sum((1, 2)), (predicted | targets).sum((1, 2))
        ious += [
            overlap / total if total else 1.0
            for overlap, total in zip(intersection.tolist(), union.tolist(), strict=True)
        ]
    return float(np.mean(ious))
