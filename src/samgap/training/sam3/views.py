"""Views of labelled images as the package's data points: random crops and flips, with what is asked of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter

from samgap.annotations.ground_truth import Instance, read_ground_truth
from samgap.annotations.phrases import is_evaluable
from samgap.demo_models.box_masks import estimate_pseudo_mask
from samgap.errors import UserError
from samgap.masks import rle
from samgap.training.loop import DatasetSource
from samgap.training.sam3.queries import Query, sample_queries

# isort: split
from sam3.train.data.sam3_image_dataset import Datapoint, FindQueryLoaded, InferenceMetadata, Object
from sam3.train.data.sam3_image_dataset import Image as View

MIN_VISIBLE_FRACTION = 0.25
"""Of an instance cut by a crop, this share must be left (and MIN_SIDE) for it to be asked for."""

MIN_SIDE_PX = 4.0
"""Shortest side of a box that is asked for, px of the view."""

MIN_CROP_FRACTION_FOR_SIZE = 0.85
"""In a crop of a smaller side (share of the image) nobody can tell how large a fruit is: `size` is not asked."""

EXHAUSTIVE_PROBABILITY = 0.5
"""Where labels are boxes, far-off objects have none: so often (share of views) what else is found counts as wrong."""

MASK_STRIDE = 2
"""Masks are compared at the view's size divided by this."""


class ViewSampler:
    """Random views of a data set, `size` px square. `phrases` that its labels cannot answer are left out."""

    def __init__(
        self, source: DatasetSource, phrases: Sequence[Mapping[str, Any]], view_size: int, options: Mapping[str, Any]
    ) -> None:
        self.source, self.view_size, self.options = source, view_size, options
        self.ground_truth = read_ground_truth(source.ground_truth_path)
        self.phrases = [phrase for phrase in phrases if is_evaluable(phrase, self.ground_truth)]
        self.image_ids = sorted(self.ground_truth.images)
        self.pseudo_mask_cache: dict[int, dict[str, Any]] = {}

    def sample(self, rng: np.random.Generator) -> Datapoint:
        """A view of a random image, of which at least one thing is asked. UserError where no phrase can be asked."""
        if not self.phrases:
            raise UserError(
                f"{self.source.ground_truth_path}: its labels answer none of the training's phrases; choose others"
            )
        while True:
            image_id = self.image_ids[rng.integers(len(self.image_ids))]
            if point := self.sample_view(image_id, rng):
                return point

    def sample_view(self, image_id: int, rng: np.random.Generator) -> Datapoint | None:
        """A random view of an image; None when nothing can be asked of it."""
        image = self.ground_truth.images[image_id]
        crop, flip = self.sample_crop(image["width"], image["height"], rng), rng.random() < 0.5
        there, unsure = split_visible(self.ground_truth.instances_of(image_id), crop, self.view_size)
        phrases = self.phrases
        if crop[2] < MIN_CROP_FRACTION_FOR_SIZE * min(image["width"], image["height"]):
            phrases = [phrase for phrase in phrases if "size" not in phrase.get("attributes", {})]
        questions = sample_queries(phrases, there, unsure, rng, self.options)
        if not questions:
            return None
        picture = Image.open(self.source.image_folder / image["file_name"]).convert("RGB")
        boxed = any(item.rle is None for item in self.ground_truth.instances_of(image_id))
        exhaustive = not boxed or rng.random() < EXHAUSTIVE_PROBABILITY
        wanted = {number for ask in questions for number in (*ask.target_ids, *(number for number, _ in ask.exemplars))}
        objects = [
            _make_object(item, self.load_mask(item, picture), crop, flip, self.view_size)
            for item in there
            if item.id in wanted
        ]
        return _make_datapoint(self.crop_pixels(picture, crop, flip, rng), objects, questions, exhaustive)

    def sample_crop(self, width: int, height: int, rng: np.random.Generator) -> tuple[float, float, float]:
        """Left, top and side of a square within the image, px."""
        share = self.options.get("crops", {"low": 1.0, "high": 1.0})
        side = min(width, height) * rng.uniform(share["low"], share["high"])
        return rng.uniform(0, width - side), rng.uniform(0, height - side), side

    def load_mask(self, instance: Instance, image: Image.Image) -> np.ndarray:
        """The instance's mask, or where its box alone is known the one that is guessed in it; bool (height, width)."""
        if instance.rle is not None:
            return instance.decode_mask()
        if instance.id not in self.pseudo_mask_cache:
            others = [
                other.box for other in self.ground_truth.instances_of(instance.image_id) if other.id != instance.id
            ]
            mask, _ = estimate_pseudo_mask(np.asarray(image), instance.box, others)
            self.pseudo_mask_cache[instance.id] = rle.encode(
                mask if mask.any() else _fill_ellipse(instance.box, mask.shape)
            )
        return rle.decode(self.pseudo_mask_cache[instance.id])

    def crop_pixels(
        self, image: Image.Image, crop: tuple[float, float, float], flip: bool, rng: np.random.Generator
    ) -> torch.Tensor:
        """The view as the model takes it: float32 (3, size, size), -1 to 1."""
        left, top, side = crop
        view = image.resize(
            (self.view_size, self.view_size),
            Image.Resampling.BILINEAR,
            box=(left, top, left + side, top + side),
            reducing_gap=2.0,
        )
        if self.options.get("jitter", False):
            view = _jitter_view(view, rng)
        pixels = torch.from_numpy(np.array(view)).permute(2, 0, 1).float().div_(127.5).sub_(1)
        return pixels.flip(2) if flip else pixels


def split_visible(
    instances: Sequence[Instance], crop: tuple[float, float, float], view_size: int
) -> tuple[list[Instance], list[Instance]]:
    """Those that a crop shows enough of to be asked for, and those of which it shows too little, or are `ignore`."""
    left, top, side = crop
    there: list[Instance] = []
    unsure: list[Instance] = []
    for item in instances:
        x0, y0, x1, y1 = item.box
        wide = min(x1, left + side) - max(x0, left)
        high = min(y1, top + side) - max(y0, top)
        if wide <= 0 or high <= 0:
            continue
        enough = (
            wide * high >= MIN_VISIBLE_FRACTION * (x1 - x0) * (y1 - y0)
            and min(wide, high) * view_size / side >= MIN_SIDE_PX
        )
        (there if enough and not item.ignore else unsure).append(item)
    return there, unsure


def _jitter_view(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Light and sharpness as another camera might have them. Mild in colour: colour is a label."""
    view = ImageEnhance.Brightness(view).enhance(rng.uniform(0.75, 1.25))
    view = ImageEnhance.Contrast(view).enhance(rng.uniform(0.8, 1.2))
    view = ImageEnhance.Color(view).enhance(rng.uniform(0.85, 1.15))
    return view.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0))) if rng.random() < 0.3 else view


def _make_object(
    instance: Instance, mask: np.ndarray, crop: tuple[float, float, float], flip: bool, view_size: int
) -> Object:
    """An instance as the view shows it: box (cx, cy, w, h, as shares of the view) and mask, bool, at MASK_STRIDE."""
    left, top, side = crop
    x0, y0, x1, y1 = instance.box
    if instance.rle is not None:  # what is left of it may be narrower than what is left of its box
        part = mask[int(top) : round(top + side), int(left) : round(left + side)]
        rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        if len(rows):
            x0, x1 = int(left) + columns[0], int(left) + columns[-1] + 1
            y0, y1 = int(top) + rows[0], int(top) + rows[-1] + 1
    x0, x1 = np.clip([x0 - left, x1 - left], 0, side) / side
    y0, y1 = np.clip([y0 - top, y1 - top], 0, side) / side
    places = (np.arange(view_size // MASK_STRIDE) + 0.5) * MASK_STRIDE * side / view_size
    seen = mask[np.ix_((top + places).astype(int), (left + places).astype(int))]
    if flip:
        x0, x1, seen = 1 - x1, 1 - x0, seen[:, ::-1]
    box = torch.tensor([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], dtype=torch.float32)
    area = float(box[2] * box[3])
    return Object(bbox=box, area=area, object_id=instance.id, segment=torch.from_numpy(np.ascontiguousarray(seen)))


def _fill_ellipse(box: Sequence[float], shape: tuple[int, ...]) -> np.ndarray:
    """The ellipse in a box, bool of `shape`."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    x0, y0, x1, y1 = box
    across, down = (columns + 0.5 - (x0 + x1) / 2) / (x1 - x0), (rows + 0.5 - (y0 + y1) / 2) / (y1 - y0)
    return np.asarray(across**2 + down**2 <= 0.25)


def _make_datapoint(
    pixels: torch.Tensor, objects: Sequence[Object], sampled_queries: Sequence[Query], is_exhaustive: bool
) -> Datapoint:
    size = tuple(pixels.shape[-2:])
    place = {item.object_id: number for number, item in enumerate(objects)}
    queries = []
    for ask in sampled_queries:
        queries.append(
            FindQueryLoaded(
                query_text=ask.text,
                image_id=0,
                object_ids_output=[place[number] for number in ask.target_ids],
                is_exhaustive=is_exhaustive,
                is_pixel_exhaustive=is_exhaustive,
                input_bbox=torch.stack([objects[place[number]].bbox for number, _ in ask.exemplars])
                if ask.exemplars
                else None,
                input_bbox_label=torch.tensor([int(right) for _, right in ask.exemplars]) if ask.exemplars else None,
                inference_metadata=InferenceMetadata(-1, -1, -1, size, -1, 0),
            )
        )
    return Datapoint(find_queries=queries, images=[View(data=pixels, objects=list(objects), size=size)])
