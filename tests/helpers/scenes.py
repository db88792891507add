"""Small synthetic scenes as the tables and the ground truth of a shard."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.annotations.optical_flow import OpticalFlow
from samgap.masks import rle as rles
from samgap.tables.predictions import MASKS


def square_mask(top: int, left: int, side_px: int = 4, shape: tuple[int, int] = (24, 30)) -> np.ndarray:
    """Return the mask of a square, bool of `shape`."""
    mask = np.zeros(shape, bool)
    mask[top : top + side_px, left : left + side_px] = True
    return mask


def random_ellipse(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return a non-empty ellipse at a random position, clipped to the image."""
    y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
    a, b = rng.uniform(1, shape[0] / 3), rng.uniform(1, shape[1] / 3)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    mask = ((rows - y) / a) ** 2 + ((columns - x) / b) ** 2 <= 1
    mask[min(int(y), shape[0] - 1), min(int(x), shape[1] - 1)] = True
    return mask


def jitter_mask(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """Return the mask moved by up to 2 px, so that IoUs of all sizes occur."""
    return np.roll(mask, rng.integers(-2, 3, size=2), axis=(0, 1))


def make_ground_truth(
    instances: Mapping[int, Iterable[tuple[int, np.ndarray, bool]]], shape: tuple[int, int] = (24, 30)
) -> GroundTruth:
    """Make apples from image id -> (instance id, mask, ignore)."""
    by_image = {
        image_id: [_make_instance(instance_id, image_id, mask, ignore) for instance_id, mask, ignore in rows]
        for image_id, rows in instances.items()
    }
    images = {
        image_id: {"file_name": f"{image_id}.png", "height": shape[0], "width": shape[1]} for image_id in instances
    }
    return GroundTruth(images, by_image, frozenset({"apple"}), {})


def _make_instance(instance_id: int, image_id: int, mask: np.ndarray, ignore: bool) -> Instance:
    rle = rles.encode(mask)
    return Instance(instance_id, image_id, "apple", rle_to_box(rle), int(mask.sum()), rle, {}, ignore)


def images_table(image_ids: Iterable[int], shape: tuple[int, int] = (24, 30)) -> pd.DataFrame:
    """Make table `images`, each image in a group of one."""
    rows = [(image_id, f"{image_id}.png", shape[1], shape[0], f"group-{image_id}") for image_id in image_ids]
    return pd.DataFrame(rows, columns=["image_id", "file", "width", "height", "group"])


def prompts_table(rows: Iterable[tuple[str, int, str, str | None, list[int] | None]]) -> pd.DataFrame:
    """Make table `prompts` from (prompt id, image id, kind, phrase, truth ids)."""
    names = ["prompt_id", "image_id", "kind", "phrase", "truth_ids"]
    return pd.DataFrame(list(rows), columns=names).assign(points=None, boxes=None, mask=None)


def masks_table(rows: Iterable[tuple[str, int, int, float, np.ndarray]]) -> pd.DataFrame:
    """Make table `masks` from (prompt id, prediction id, image id, score, mask); the boxes are placeholders."""
    records = []
    for prompt_id, prediction_id, image_id, score, mask in rows:
        ids = {"prompt_id": prompt_id, "prediction_id": prediction_id, "image_id": image_id, "score": score}
        box = {"x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0}
        size = {"height": mask.shape[0], "width": mask.shape[1], "area_px": int(mask.sum())}
        records.append({**ids, **box, **size, "rle": rles.encode(mask)["counts"]})
    return pd.DataFrame(records, columns=MASKS.schema.names)


def random_shard(seed: int, n_images: int = 12, shape: tuple[int, int] = (24, 30), n_phrases: int = 4):
    """Return masks, prompts, ground truth and images of random phrases.

    There are absent phrases, phrases without predictions and low scores, and no `ignore`. The first phrase of an image
    has no instances.
    """
    rng = np.random.default_rng(seed)
    instances, prompts, predictions, instance_id = {}, [], [], 0
    for image_id in range(1, n_images + 1):
        instances[image_id] = []
        for _ in range(rng.integers(0, 7)):
            instance_id += 1
            instances[image_id].append((instance_id, random_ellipse(rng, shape), False))
        for number in range(n_phrases):
            target_share = rng.random() * (number > 0)
            targets = [row for row in instances[image_id] if rng.random() < target_share]
            prompt_id = f"{image_id}-{number}"
            prompts.append((prompt_id, image_id, "phrase", f"phrase {number}", [row[0] for row in targets]))
            predicted = [jitter_mask(rng, row[1]) for row in targets if rng.random() < 0.8]
            predicted += [random_ellipse(rng, shape) for _ in range(rng.integers(0, 3))] if rng.random() < 0.5 else []
            for prediction_id, mask in enumerate(predicted):
                predictions.append((prompt_id, prediction_id, image_id, float(rng.random() ** 0.3), mask))
    tables = masks_table(predictions), prompts_table(prompts)
    return *tables, make_ground_truth(instances, shape), images_table(instances, shape)


def _phrase_tags(
    nouns: list[str],
    attributes: list[tuple[str, str]],
    seen: bool,
    concept: str | None = None,
    level: str | None = None,
) -> dict:
    return {"nouns": nouns, "attributes": attributes, "seen": seen, "concept": concept, "level": level}


ABC = [("a", "1"), ("b", "2"), ("c", "3")]
PHRASE_TAGS = [
    _phrase_tags(["apple"], [("ripeness", "ripe")], True, "a", "simple"),
    _phrase_tags(["apple"], [("ripeness", "unripe")], False, "b"),
    _phrase_tags(["apple"], [], True, "a", "complex"),
    _phrase_tags(["apple", "pear"], ABC[:2], False, "b"),
    _phrase_tags(["apple"], ABC, True),
    _phrase_tags(["apple"], [*ABC, ("d", "4")], True),
]
"""The tags of the phrases 0 to 5 of `random_tagged_shard`."""


def random_tagged_shard(
    seed: int, n_images: int = 10, shape: tuple[int, int] = (300, 380), several_masks: bool = False
):
    """Return the tables of `random_shard` on larger images with all tags, boxes near the masks', leaves and clicks.

    With `several_masks` also a point with three masks on each image.
    """
    rng = np.random.default_rng(seed)
    masks, prompts, truth, images = random_shard(seed, n_images, shape, n_phrases=len(PHRASE_TAGS))
    numbers = [int(prompt_id.split("-")[1]) for prompt_id in prompts["prompt_id"]]
    for tag in PHRASE_TAGS[0]:
        prompts[tag] = pd.Series([PHRASE_TAGS[number][tag] for number in numbers], dtype=object)
    boxes = [rle_to_box({"size": list(shape), "counts": rle}) for rle in masks["rle"]]
    masks[["x0", "y0", "x1", "y1"]] = np.array(boxes, float) + rng.integers(-1, 2, (len(boxes), 4))
    predictions, prompt_rows = [], []
    for image_id, instances in truth.instances.items():
        prompt_rows.append((f"{image_id}-leaf", image_id, "other", "leaf", None))
        predictions += [(f"{image_id}-leaf", 0, image_id, 0.9, random_ellipse(rng, shape))]
        for instance in instances[:2]:
            prompt_id = f"{image_id}-clicks-{instance.id}"
            prompt_rows.append((prompt_id, image_id, "clicks", None, [instance.id]))
            clicked = [jitter_mask(rng, instance.decode_mask()) for _ in range(4)]
            predictions += [(prompt_id, number, image_id, 0.5, mask) for number, mask in enumerate(clicked)]
        for instance in [instance for instance in instances if not instance.ignore][: int(several_masks)]:
            prompt_rows.append((f"{image_id}-point", image_id, "point", None, [instance.id]))
            several = [jitter_mask(rng, instance.decode_mask()) for _ in range(3)]
            predictions += [
                (f"{image_id}-point", number, image_id, 0.9 - 0.2 * number, mask) for number, mask in enumerate(several)
            ]
    more_masks = masks_table(predictions)
    more_masks["clicks"] = [
        prediction_id + 1 if "clicks" in prompt_id else None
        for prompt_id, prediction_id in zip(more_masks["prompt_id"], more_masks["prediction_id"], strict=True)
    ]
    return (
        pd.concat([masks, more_masks], ignore_index=True),
        pd.concat([prompts, prompts_table(prompt_rows)], ignore_index=True),
        truth,
        images,
    )


def random_sequences(seed: int, n_sequences: int = 2, n_frames: int = 6, shape: tuple[int, int] = (60, 80)):
    """Return masks, prompts, ground truth and images of sequences.

    Objects move (`constant_flow`), disappear or are marked `ignore` on single frames, and some prompts get the mask of
    another object. The prompts are of kinds `track` (from each object's first frame), `box` and `phrase`.
    """
    rng = np.random.default_rng(seed)
    truth_rows, prompts, predictions, image_rows = {}, [], [], []
    for number in range(n_sequences):
        tracks = {track: random_ellipse(rng, shape) for track in range(1, 5)}
        started = set()
        for frame in range(n_frames):
            image_id = 100 * (number + 1) + frame
            image_rows.append((image_id, f"{image_id}.png", shape[1], shape[0], f"s{number}", f"s{number}", frame))
            tracks = {track: np.roll(mask, (1, 2), axis=(0, 1)) for track, mask in tracks.items()}
            visible = [track for track in tracks if rng.random() < 0.8 or track == 1]
            truth_rows[image_id] = [
                (10 * image_id + track, tracks[track], rng.random() < 0.1, track) for track in visible
            ]
            instance_of = {track: (instance_id, ignore) for instance_id, _, ignore, track in truth_rows[image_id]}
            started |= {track for track, (_, ignore) in instance_of.items() if not ignore}
            targets = [("track", track, None) for track in sorted(started)]
            targets += [
                ("box", track, None) for track, (_, ignore) in instance_of.items() if not ignore and rng.random() < 0.9
            ]
            targets += [("phrase", None, "apple"), ("phrase", None, "pear")][: rng.integers(1, 3)]
            for index, (kind, track, phrase) in enumerate(targets):
                prompt_id = f"{image_id}-{index}"
                truth_ids = _select_truth_ids(instance_of, kind, track, phrase)
                prompts.append((prompt_id, image_id, kind, phrase, truth_ids, track if kind == "track" else None))
                predicted = [tracks[k if rng.random() < 0.8 else 1 + k % 4] for k in ([track] if track else visible)]
                predicted = [jitter_mask(rng, mask) for mask in predicted if rng.random() < 0.8]
                scores = np.sort(rng.random(len(predicted)).round(3))[::-1]
                predictions += [(prompt_id, k, image_id, scores[k], mask) for k, mask in enumerate(predicted)]
    truth = make_ground_truth({image_id: [row[:3] for row in rows] for image_id, rows in truth_rows.items()}, shape)
    for image_id, rows in truth_rows.items():
        pairs = zip(truth.instances[image_id], rows, strict=True)
        truth.instances[image_id] = [replace(instance, track=row[3]) for instance, row in pairs]
    names = ["image_id", "file", "width", "height", "group", "sequence", "frame"]
    table = prompts_table([row[:5] for row in prompts]).assign(track=[row[5] for row in prompts])
    return masks_table(predictions), table, truth, pd.DataFrame(image_rows, columns=names)


def _select_truth_ids(
    instance_of: Mapping[int, tuple[int, bool]], kind: str, track: int | None, phrase: str | None
) -> list[int] | None:
    """Return the truth ids of a prompt of `random_sequences`; there are no pears."""
    if kind != "phrase":
        instance_id, ignore = instance_of.get(track, (None, False))
        return None if ignore else [instance_id] if instance_id else []
    return [] if phrase == "pear" else [instance_id for instance_id, ignore in instance_of.values() if not ignore]


def constant_flow(image_row) -> OpticalFlow:
    """Return the flow of `random_sequences`: 2 px to the right, 1 px down; the leftmost 10 columns are hidden."""
    rows, columns = np.mgrid[: image_row.height - 1, 10 : image_row.width - 2]
    pixels = (rows * image_row.width + columns).ravel()
    return OpticalFlow(pixels, pixels + image_row.width + 2)


def rle_to_box(rle: rles.RLE) -> tuple[float, float, float, float]:
    """Return x0, y0, x1, y1 of a mask."""
    crop = rles.crop(rle)
    return crop.left, crop.top, crop.left + crop.mask.shape[1], crop.top + crop.mask.shape[0]
