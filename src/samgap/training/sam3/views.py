"""Views of labelled images (random crops and flips) with text prompts, as data points of the package."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter

from samgap.annotations.ground_truth import GroundTruth, Instance, read_ground_truth
from samgap.annotations.phrases import find_truth_ids, is_evaluable, names_attribute
from samgap.errors import UserError
from samgap.masks import rle
from samgap.training.augmentation import sample_augmentation
from samgap.training.box_masks import estimate_pseudo_mask
from samgap.training.sam3.queries import Query, sample_queries
from samgap.training.sampling import retry_sample
from samgap.training.tasks import DatasetSource

# isort: split
from sam3.train.data.sam3_image_dataset import Datapoint, FindQueryLoaded, InferenceMetadata, Object
from sam3.train.data.sam3_image_dataset import Image as View

Crop = tuple[float, float, float]
"""Left, top and side of a square in an image, px."""

MIN_VISIBLE_FRACTION = 0.25
"""An instance counts as visible if a crop contains at least this fraction of its box (and MIN_SIDE_PX of its sides)."""

MIN_SIDE_PX = 4.0
"""Minimum side of a visible box, px of the view."""

MIN_CROP_FRACTION_FOR_SIZE = 0.85
"""In a crop with a smaller side (fraction of the image) phrases with `size` are not used: a fruit's size is unclear."""

EXHAUSTIVE_PROBABILITY = 0.5
"""Images labelled with boxes often lack labels of distant objects. In this fraction of their views the labels are
treated as complete nevertheless, so that false positives have a loss. Never with `exhaustive: false`."""

MAX_VIEWS = 10_000
"""Number of views without a query after which sampling stops. They are cheap: no image is read."""

MASK_STRIDE = 2
"""Target masks have the view's size divided by this."""


class ViewSampler:
    """Samples square views of a data set."""

    def __init__(
        self, source: DatasetSource, phrases: Sequence[Mapping[str, Any]], view_size: int, options: Mapping[str, Any]
    ) -> None:
        """Read the ground truth of the data set.

        Args:
            source: the data set
            phrases: candidate prompts; those that its labels cannot evaluate are left out
            view_size: side of the views, px
            options: the entry of `trainings`
        """
        self.source, self.view_size, self.options = source, view_size, options
        self.ground_truth = read_ground_truth(source.ground_truth_path)
        self.phrases = [phrase for phrase in phrases if is_evaluable(phrase, self.ground_truth)]
        self.image_ids = sorted(self.ground_truth.images)
        # An object without a label would be learned as absent.
        self.query_options = options if source.exhaustive else {**options, "negatives": 0}
        self.pseudo_mask_cache: dict[int, dict[str, Any]] = {}
        self.last_image_name = ""  # of the last sampled image

    def sample(self, rng: np.random.Generator) -> Datapoint:
        """Return a view of a random image, with at least one query.

        Raises:
            UserError: the labels of the data set can evaluate none of the phrases, or no image has a query.
        """
        if not self.phrases:
            raise UserError(
                f"{self.source.ground_truth_path}: its labels cannot evaluate any phrase of the training; "
                "choose other phrases"
            )
        return retry_sample(
            lambda: self.sample_view(self.sample_image_id(rng), rng),
            f"{self.source.ground_truth_path}: no image has a query of the training's phrases, because labels were "
            "lost, objects are too small, or absent phrases are not used; choose other phrases, larger "
            "crops or other data",
            MAX_VIEWS,
        )

    def sample_image_id(self, rng: np.random.Generator) -> int:
        """Return the id of a random image.

        Raises:
            UserError: the data set has no images.
        """
        if not self.image_ids:
            raise UserError(f"{self.source.ground_truth_path}: it has no images; use another data set for training")
        image_id = self.image_ids[rng.integers(len(self.image_ids))]
        self.last_image_name = self.source.name_image(self.ground_truth.images[image_id]["file_name"])
        return image_id

    def select_phrases(
        self, image_id: int, crop: Crop, ground_truth: GroundTruth | None = None
    ) -> list[Mapping[str, Any]]:
        """Return the phrases that can be evaluated in a crop of an image.

        These are phrases whose labels the image has not lost, and in a small crop those without `size`. `ground_truth`
        is that of the augmented image.
        """
        ground_truth = ground_truth or self.ground_truth
        row, phrases = ground_truth.images[image_id], self.phrases
        if is_small_crop(crop, row):
            phrases = [phrase for phrase in phrases if not names_attribute(phrase, "size")]
        return [phrase for phrase in phrases if find_truth_ids(phrase, image_id, ground_truth) is not None]

    def sample_exhaustive(self, image_id: int, rng: np.random.Generator) -> bool:
        """Return whether the labels of a view of an image are treated as complete, by EXHAUSTIVE_PROBABILITY."""
        if not self.source.exhaustive:
            return False
        has_masks = all(instance.rle is not None for instance in self.ground_truth.instances_of(image_id))
        return has_masks or rng.random() < EXHAUSTIVE_PROBABILITY

    def sample_view(self, image_id: int, rng: np.random.Generator) -> Datapoint | None:
        """Return a random view of an image, or None if no query was possible."""
        row, truth, augmentation = self.ground_truth.images[image_id], self.ground_truth, None
        if steps := self.options.get("augmentation"):
            augmentation = sample_augmentation(steps, (row["width"], row["height"]), rng)
            truth = augmentation.apply_to_ground_truth(truth, image_id)
        crop, flip = self.sample_crop(row["width"], row["height"], rng), rng.random() < 0.5 and augmentation is None
        visible, ambiguous = split_visible(truth.instances_of(image_id), crop, self.view_size)
        phrases = self.select_phrases(image_id, crop, truth)
        queries = sample_queries(phrases, visible, ambiguous, rng, self.query_options)
        if not queries:
            return None
        image = Image.open(self.source.image_folder / row["file_name"]).convert("RGB")
        image = augmentation.apply_to_image(image) if augmentation else image
        is_exhaustive = self.sample_exhaustive(image_id, rng)
        used_ids = {id for query in queries for id in (*query.target_ids, *(id for id, _ in query.exemplars))}
        objects = [
            _make_object(instance, self.load_mask(instance, image, truth), crop, flip, self.view_size)
            for instance in visible
            if instance.id in used_ids
        ]
        ignored_boxes = {instance.id: _locate_box(instance.box, crop, flip) for instance in ambiguous}
        pixels = self.crop_pixels(image, crop, flip, rng)
        return _make_datapoint(pixels, objects, queries, ignored_boxes, is_exhaustive)

    def sample_crop(self, width: int, height: int, rng: np.random.Generator) -> Crop:
        """Sample a square within an image (px) by the option `crops`."""
        crops = self.options.get("crops", {"low": 1.0, "high": 1.0})
        side = min(width, height) * rng.uniform(crops["low"], crops["high"])
        return rng.uniform(0, width - side), rng.uniform(0, height - side), side

    def load_mask(self, instance: Instance, image: Image.Image, truth: GroundTruth | None = None) -> np.ndarray:
        """Return an instance's mask, bool (height, width). `truth` is that of the augmented image.

        The mask of an instance labelled only with a box is estimated once, and cached, unless the image is augmented.
        """
        if instance.rle is not None:
            return instance.decode_mask()
        if instance.id not in self.pseudo_mask_cache or "augmentation" in self.options:
            neighbours = (truth or self.ground_truth).instances_of(instance.image_id)
            other_boxes = [neighbour.box for neighbour in neighbours if neighbour.id != instance.id]
            mask, _ = estimate_pseudo_mask(np.asarray(image), instance.box, other_boxes)
            self.pseudo_mask_cache[instance.id] = rle.encode(
                mask if mask.any() else _fill_ellipse(instance.box, mask.shape)
            )
        return rle.decode(self.pseudo_mask_cache[instance.id])

    def crop_pixels(self, image: Image.Image, crop: Crop, flip: bool, rng: np.random.Generator) -> torch.Tensor:
        """Return the view as the model's input, augmented if `jitter` is set: float32 (3, size, size), -1 to 1."""
        left, top, side = crop
        view = image.resize(
            (self.view_size, self.view_size),
            Image.Resampling.BILINEAR,
            box=(left, top, left + side, top + side),
            reducing_gap=2.0,
        )
        if self.options.get("jitter", False) and "augmentation" not in self.options:
            view = _jitter_view(view, rng)
        pixels = torch.from_numpy(np.array(view)).permute(2, 0, 1).float().div_(127.5).sub_(1)
        return pixels.flip(2) if flip else pixels


def is_small_crop(crop: Crop, image_row: Mapping[str, Any]) -> bool:
    """Return whether a crop is so small that the size of its objects is unclear."""
    return crop[2] < MIN_CROP_FRACTION_FOR_SIZE * min(image_row["width"], image_row["height"])


def split_visible(instances: Sequence[Instance], crop: Crop, view_size: int) -> tuple[list[Instance], list[Instance]]:
    """Split the instances in a crop into visible and ambiguous ones.

    Ambiguous instances are mostly cut away, too small, or annotated as `ignore`.
    """
    left, top, side = crop
    visible: list[Instance] = []
    ambiguous: list[Instance] = []
    for instance in instances:
        x0, y0, x1, y1 = instance.box
        width = min(x1, left + side) - max(x0, left)
        height = min(y1, top + side) - max(y0, top)
        if width <= 0 or height <= 0:
            continue
        is_visible = (
            width * height >= MIN_VISIBLE_FRACTION * (x1 - x0) * (y1 - y0)
            and min(width, height) * view_size / side >= MIN_SIDE_PX
        )
        (visible if is_visible and not instance.ignore else ambiguous).append(instance)
    return visible, ambiguous


def _jitter_view(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Change light and sharpness at random, and colour only a little, since colour is a label."""
    view = ImageEnhance.Brightness(view).enhance(rng.uniform(0.75, 1.25))
    view = ImageEnhance.Contrast(view).enhance(rng.uniform(0.8, 1.2))
    view = ImageEnhance.Color(view).enhance(rng.uniform(0.85, 1.15))
    return view.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0))) if rng.random() < 0.3 else view


def _make_object(instance: Instance, mask: np.ndarray, crop: Crop, flip: bool, view_size: int) -> Object:
    """Return an instance in a view: box (cx, cy, w, h as fractions of the view) and mask, bool, at MASK_STRIDE."""
    left, top, side = crop
    x0, y0, x1, y1 = instance.box
    if instance.rle is not None:  # the box of the part of the mask in the crop may be smaller than the cropped box
        mask_crop = mask[int(top) : round(top + side), int(left) : round(left + side)]
        rows, columns = np.flatnonzero(mask_crop.any(1)), np.flatnonzero(mask_crop.any(0))
        if len(rows):
            x0, x1 = int(left) + columns[0], int(left) + columns[-1] + 1
            y0, y1 = int(top) + rows[0], int(top) + rows[-1] + 1
    x0, x1 = np.clip([x0 - left, x1 - left], 0, side) / side
    y0, y1 = np.clip([y0 - top, y1 - top], 0, side) / side
    pixel_centres = (np.arange(view_size // MASK_STRIDE) + 0.5) * MASK_STRIDE * side / view_size
    segment = mask[np.ix_((top + pixel_centres).astype(int), (left + pixel_centres).astype(int))]
    if flip:
        x0, x1, segment = 1 - x1, 1 - x0, segment[:, ::-1]
    box = torch.tensor([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], dtype=torch.float32)
    area = float(box[2] * box[3])
    return Object(bbox=box, area=area, object_id=instance.id, segment=torch.from_numpy(np.ascontiguousarray(segment)))


def _fill_ellipse(box: Sequence[float], shape: tuple[int, ...]) -> np.ndarray:
    """Return the ellipse in a box, bool of `shape`."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    x0, y0, x1, y1 = box
    across, down = (columns + 0.5 - (x0 + x1) / 2) / (x1 - x0), (rows + 0.5 - (y0 + y1) / 2) / (y1 - y0)
    return np.asarray(across**2 + down**2 <= 0.25)


def _locate_box(box: Sequence[float], crop: Crop, flip: bool) -> tuple[float, float, float, float]:
    """Return a box in a view: x0, y0, x1, y1 as fractions of the view, cut off at its edges."""
    left, top, side = crop
    x0, y0, x1, y1 = np.clip((np.array(box) - [left, top, left, top]) / side, 0, 1).tolist()
    return (1 - x1, y0, 1 - x0, y1) if flip else (x0, y0, x1, y1)


def _make_datapoint(
    pixels: torch.Tensor,
    objects: Sequence[Object],
    queries: Sequence[Query],
    ignored_boxes: Mapping[int, Sequence[float]],
    is_exhaustive: bool,
) -> Datapoint:
    size = tuple(pixels.shape[-2:])
    object_indices = {item.object_id: index for index, item in enumerate(objects)}
    find_queries = []
    for query in queries:
        exemplar_boxes = [objects[object_indices[id]].bbox for id, _ in query.exemplars]
        find_queries.append(
            FindQueryLoaded(
                query_text=query.text,
                image_id=0,
                object_ids_output=[object_indices[id] for id in query.target_ids],
                is_exhaustive=is_exhaustive,
                is_pixel_exhaustive=is_exhaustive,
                input_bbox=torch.stack(exemplar_boxes) if exemplar_boxes else None,
                input_bbox_label=torch.tensor([int(positive) for _, positive in query.exemplars])
                if exemplar_boxes
                else None,
                inference_metadata=InferenceMetadata(-1, -1, -1, size, -1, 0),
            )
        )
        find_queries[-1].ignored_boxes = [ignored_boxes[id] for id in query.ignored_ids]
    return Datapoint(find_queries=find_queries, images=[View(data=pixels, objects=list(objects), size=size)])
