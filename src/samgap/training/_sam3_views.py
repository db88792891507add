"""Views of labelled images as the package's data points: random crops and flips, with what is asked of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter

from samgap import masks
from samgap.errors import UserError
from samgap.phrases import evaluable
from samgap.training._box_masks import pseudo_mask
from samgap.training._run import Data
from samgap.training._sam3_asks import Ask, asks
from samgap.truth import Instance, read

# isort: split
from sam3.train.data.sam3_image_dataset import Datapoint, FindQueryLoaded, InferenceMetadata, Object
from sam3.train.data.sam3_image_dataset import Image as View

LEFT = 0.25
"""Of an instance cut by a crop, this share must be left (and MIN_SIDE) for it to be asked for."""

MIN_SIDE = 4.0
"""Shortest side of a box that is asked for, px of the view."""

WHOLE = 0.85
"""In a crop of a smaller side (share of the image) nobody can tell how large a fruit is: `size` is not asked."""

EXHAUSTIVE = 0.5
"""Where labels are boxes, far-off objects have none: so often (share of views) what else is found counts as wrong."""

MASK_STRIDE = 2
"""Masks are compared at the view's size divided by this."""


class Views:
    """Random views of a data set, `size` px square. `phrases` that its labels cannot answer are left out."""

    def __init__(self, data: Data, phrases: Sequence[Mapping[str, Any]], size: int, options: Mapping[str, Any]) -> None:
        self.data, self.size, self.options = data, size, options
        self.truth = read(data.truth)
        self.phrases = [phrase for phrase in phrases if evaluable(phrase, self.truth)]
        self.image_ids = sorted(self.truth.images)
        self.guessed: dict[int, dict[str, Any]] = {}

    def draw(self, rng: np.random.Generator) -> Datapoint:
        """A view of a random image, of which at least one thing is asked. UserError where no phrase can be asked."""
        if not self.phrases:
            raise UserError(f"{self.data.truth}: its labels answer none of the training's phrases; choose others")
        while True:
            image_id = self.image_ids[rng.integers(len(self.image_ids))]
            if point := self.view(image_id, rng):
                return point

    def view(self, image_id: int, rng: np.random.Generator) -> Datapoint | None:
        """A random view of an image; None when nothing can be asked of it."""
        image = self.truth.images[image_id]
        crop, flip = self.crop(image["width"], image["height"], rng), rng.random() < 0.5
        there, unsure = seen(self.truth.of(image_id), crop, self.size)
        phrases = self.phrases
        if crop[2] < WHOLE * min(image["width"], image["height"]):
            phrases = [phrase for phrase in phrases if "size" not in phrase.get("attributes", {})]
        questions = asks(phrases, there, unsure, rng, self.options)
        if not questions:
            return None
        picture = Image.open(self.data.images / image["file_name"]).convert("RGB")
        boxed = any(item.rle is None for item in self.truth.of(image_id))
        exhaustive = not boxed or rng.random() < EXHAUSTIVE
        wanted = {number for ask in questions for number in (*ask.targets, *(number for number, _ in ask.examples))}
        objects = [
            _object(item, self.mask(item, picture), crop, flip, self.size) for item in there if item.id in wanted
        ]
        return _point(self.pixels(picture, crop, flip, rng), objects, questions, exhaustive)

    def crop(self, width: int, height: int, rng: np.random.Generator) -> tuple[float, float, float]:
        """Left, top and side of a square within the image, px."""
        share = self.options.get("crops", {"low": 1.0, "high": 1.0})
        side = min(width, height) * rng.uniform(share["low"], share["high"])
        return rng.uniform(0, width - side), rng.uniform(0, height - side), side

    def mask(self, item: Instance, picture: Image.Image) -> np.ndarray:
        """The instance's mask, or where its box alone is known the one that is guessed in it; bool (height, width)."""
        if item.rle is not None:
            return item.mask()
        if item.id not in self.guessed:
            others = [other.box for other in self.truth.of(item.image_id) if other.id != item.id]
            mask, _ = pseudo_mask(np.asarray(picture), item.box, others)
            self.guessed[item.id] = masks.encode(mask if mask.any() else _filled(item.box, mask.shape))
        return masks.decode(self.guessed[item.id])

    def pixels(
        self, picture: Image.Image, crop: tuple[float, float, float], flip: bool, rng: np.random.Generator
    ) -> torch.Tensor:
        """The view as the model takes it: float32 (3, size, size), -1 to 1."""
        left, top, side = crop
        view = picture.resize(
            (self.size, self.size),
            Image.Resampling.BILINEAR,
            box=(left, top, left + side, top + side),
            reducing_gap=2.0,
        )
        if self.options.get("jitter", False):
            view = _jittered(view, rng)
        pixels = torch.from_numpy(np.array(view)).permute(2, 0, 1).float().div_(127.5).sub_(1)
        return pixels.flip(2) if flip else pixels


def seen(
    items: Sequence[Instance], crop: tuple[float, float, float], size: int
) -> tuple[list[Instance], list[Instance]]:
    """Those that a crop shows enough of to be asked for, and those of which it shows too little, or are `ignore`."""
    left, top, side = crop
    there: list[Instance] = []
    unsure: list[Instance] = []
    for item in items:
        x0, y0, x1, y1 = item.box
        wide = min(x1, left + side) - max(x0, left)
        high = min(y1, top + side) - max(y0, top)
        if wide <= 0 or high <= 0:
            continue
        enough = wide * high >= LEFT * (x1 - x0) * (y1 - y0) and min(wide, high) * size / side >= MIN_SIDE
        (there if enough and not item.ignore else unsure).append(item)
    return there, unsure


def _jittered(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Light and sharpness as another camera might have them. Mild in colour: colour is a label."""
    view = ImageEnhance.Brightness(view).enhance(rng.uniform(0.75, 1.25))
    view = ImageEnhance.Contrast(view).enhance(rng.uniform(0.8, 1.2))
    view = ImageEnhance.Color(view).enhance(rng.uniform(0.85, 1.15))
    return view.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0))) if rng.random() < 0.3 else view


def _object(item: Instance, mask: np.ndarray, crop: tuple[float, float, float], flip: bool, size: int) -> Object:
    """An instance as the view shows it: box (cx, cy, w, h, as shares of the view) and mask, bool, at MASK_STRIDE."""
    left, top, side = crop
    x0, y0, x1, y1 = item.box
    if item.rle is not None:  # what is left of it may be narrower than what is left of its box
        part = mask[int(top) : round(top + side), int(left) : round(left + side)]
        rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
        if len(rows):
            x0, x1 = int(left) + columns[0], int(left) + columns[-1] + 1
            y0, y1 = int(top) + rows[0], int(top) + rows[-1] + 1
    x0, x1 = np.clip([x0 - left, x1 - left], 0, side) / side
    y0, y1 = np.clip([y0 - top, y1 - top], 0, side) / side
    places = (np.arange(size // MASK_STRIDE) + 0.5) * MASK_STRIDE * side / size
    seen = mask[np.ix_((top + places).astype(int), (left + places).astype(int))]
    if flip:
        x0, x1, seen = 1 - x1, 1 - x0, seen[:, ::-1]
    box = torch.tensor([(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], dtype=torch.float32)
    area = float(box[2] * box[3])
    return Object(bbox=box, area=area, object_id=item.id, segment=torch.from_numpy(np.ascontiguousarray(seen)))


def _filled(box: Sequence[float], shape: tuple[int, ...]) -> np.ndarray:
    """The ellipse in a box, bool of `shape`."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    x0, y0, x1, y1 = box
    across, down = (columns + 0.5 - (x0 + x1) / 2) / (x1 - x0), (rows + 0.5 - (y0 + y1) / 2) / (y1 - y0)
    return np.asarray(across**2 + down**2 <= 0.25)


def _point(pixels: torch.Tensor, objects: Sequence[Object], questions: Sequence[Ask], exhaustive: bool) -> Datapoint:
    size = tuple(pixels.shape[-2:])
    place = {item.object_id: number for number, item in enumerate(objects)}
    queries = []
    for ask in questions:
        queries.append(
            FindQueryLoaded(
                query_text=ask.text,
                image_id=0,
                object_ids_output=[place[number] for number in ask.targets],
                is_exhaustive=exhaustive,
                is_pixel_exhaustive=exhaustive,
                input_bbox=torch.stack([objects[place[number]].bbox for number, _ in ask.examples])
                if ask.examples
                else None,
                input_bbox_label=torch.tensor([int(right) for _, right in ask.examples]) if ask.examples else None,
                inference_metadata=InferenceMetadata(-1, -1, -1, size, -1, 0),
            )
        )
    return Datapoint(find_queries=queries, images=[View(data=pixels, objects=list(objects), size=size)])
