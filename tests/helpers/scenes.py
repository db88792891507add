"""Small worlds of masks as the tables and truth of a shard."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.annotations.optical_flow import OpticalFlow
from samgap.masks import rle as masks
from samgap.tables.predictions import MASKS


def square_mask(top: int, left: int, side_px: int = 4, shape: tuple[int, int] = (24, 30)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[top : top + side_px, left : left + side_px] = True
    return mask


def random_ellipse(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """A non-empty ellipse somewhere, cut at the image's edges."""
    y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
    a, b = rng.uniform(1, shape[0] / 3), rng.uniform(1, shape[1] / 3)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    mask = ((rows - y) / a) ** 2 + ((columns - x) / b) ** 2 <= 1
    mask[min(int(y), shape[0] - 1), min(int(x), shape[1] - 1)] = True
    return mask


def jitter_mask(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """The mask moved a little, so that overlaps of every size come about."""
    return np.roll(mask, rng.integers(-2, 3, size=2), axis=(0, 1))


def make_ground_truth(
    instances: Mapping[int, Iterable[tuple[int, np.ndarray, bool]]], shape: tuple[int, int] = (24, 30)
) -> GroundTruth:
    """Image id -> (instance id, mask, ignore)."""
    found = {
        image: [
            Instance(
                key, image, "apple", rle_to_box(masks.encode(mask)), int(mask.sum()), masks.encode(mask), {}, ignore
            )
            for key, mask, ignore in rows
        ]
        for image, rows in instances.items()
    }
    sizes = {image: {"file_name": f"{image}.png", "height": shape[0], "width": shape[1]} for image in instances}
    return GroundTruth(sizes, found, frozenset({"apple"}), {})


def images_table(image_ids: Iterable[int], shape: tuple[int, int] = (24, 30)) -> pd.DataFrame:
    rows = [(key, f"{key}.png", shape[1], shape[0], f"group-{key}") for key in image_ids]
    return pd.DataFrame(rows, columns=["image_id", "file", "width", "height", "group"])


def prompts_table(rows: Iterable[tuple[str, int, str, str | None, list[int] | None]]) -> pd.DataFrame:
    """Rows of prompt id, image id, kind, phrase, truth ids."""
    names = ["prompt_id", "image_id", "kind", "phrase", "truth_ids"]
    return pd.DataFrame(list(rows), columns=names).assign(points=None, boxes=None, mask=None)


def masks_table(rows: Iterable[tuple[str, int, int, float, np.ndarray]]) -> pd.DataFrame:
    """Rows of prompt id, prediction id, image id, score, mask."""
    made = []
    for prompt, key, image, score, mask in rows:
        size = {"height": mask.shape[0], "width": mask.shape[1], "area_px": int(mask.sum())}
        ids = {"prompt_id": prompt, "prediction_id": key, "image_id": image, "score": score}
        box = {"x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0}
        made.append({**ids, **box, **size, "rle": masks.encode(mask)["counts"]})
    return pd.DataFrame(made, columns=MASKS.schema.names)


def random_shard(seed: int, n_images: int = 12, shape: tuple[int, int] = (24, 30), n_phrases: int = 4):
    """Masks, prompts, truth, images of random phrases: absent ones, unanswered ones, low scores and no `ignore`."""
    random = np.random.default_rng(seed)
    instances, prompts, predictions, key = {}, [], [], 0
    for image in range(1, n_images + 1):
        instances[image] = []
        for _ in range(random.integers(0, 7)):
            key += 1
            instances[image].append((key, random_ellipse(random, shape), False))
        for number in range(n_phrases):
            share = random.random() * (number > 0)
            wanted = [row for row in instances[image] if random.random() < share]
            name = f"{image}-{number}"
            prompts.append((name, image, "phrase", f"phrase {number}", [row[0] for row in wanted]))
            answers = [jitter_mask(random, row[1]) for row in wanted if random.random() < 0.8]
            answers += (
                [random_ellipse(random, shape) for _ in range(random.integers(0, 3))] if random.random() < 0.5 else []
            )
            for place, mask in enumerate(answers):
                predictions.append((name, place, image, float(random.random() ** 0.3), mask))
    tables_of = masks_table(predictions), prompts_table(prompts)
    return *tables_of, make_ground_truth(instances, shape), images_table(instances, shape)


PHRASE_TAGS = [
    {"nouns": ["apple"], "attributes": [("ripeness", "ripe")], "seen": True, "concept": "a", "level": "simple"},
    {"nouns": ["apple"], "attributes": [("ripeness", "unripe")], "seen": False, "concept": "b", "level": None},
    {"nouns": ["apple"], "attributes": [], "seen": True, "concept": "a", "level": "complex"},
    {"nouns": ["apple", "pear"], "attributes": [("a", "1"), ("b", "2")], "seen": False, "concept": "b", "level": None},
    {
        "nouns": ["apple"],
        "attributes": [("a", "1"), ("b", "2"), ("c", "3")],
        "seen": True,
        "concept": None,
        "level": None,
    },
    {
        **{"nouns": ["apple"], "attributes": [("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")]},
        **{"seen": True, "concept": None, "level": None},
    },
]


def random_tagged_shard(seed: int, n_images: int = 10, shape: tuple[int, int] = (300, 380)):
    """As `random_shard`, on larger images and with every tag, boxes near the masks', leaves, and clicks."""
    random = np.random.default_rng(seed)
    masks_, prompts, truth, pictures = random_shard(seed, n_images, shape, n_phrases=len(PHRASE_TAGS))
    number = [int(name.split("-")[1]) for name in prompts["prompt_id"]]
    for tag in PHRASE_TAGS[0]:
        prompts[tag] = pd.Series([PHRASE_TAGS[each][tag] for each in number], dtype=object)
    boxes = [rle_to_box({"size": list(shape), "counts": rle}) for rle in masks_["rle"]]
    masks_[["x0", "y0", "x1", "y1"]] = np.array(boxes, float) + random.integers(-1, 2, (len(boxes), 4))
    more, asked = [], []
    for image, items in truth.instances.items():
        asked.append((f"{image}-leaf", image, "other", "leaf", None))
        more += [(f"{image}-leaf", 0, image, 0.9, random_ellipse(random, shape))]
        for item in items[:2]:
            asked.append((f"{image}-clicks-{item.id}", image, "clicks", None, [item.id]))
            more += [(asked[-1][0], place, image, 0.5, jitter_mask(random, item.decode_mask())) for place in range(4)]
    clicks = masks_table(more)
    clicks["clicks"] = [
        key + 1 if "clicks" in name else None
        for name, key in zip(clicks["prompt_id"], clicks["prediction_id"], strict=True)
    ]
    return (
        pd.concat([masks_, clicks], ignore_index=True),
        pd.concat([prompts, prompts_table(asked)], ignore_index=True),
        truth,
        pictures,
    )


def random_sequences(seed: int, n_sequences: int = 2, n_frames: int = 6, shape: tuple[int, int] = (60, 80)):
    """Masks, prompts, truth, images of sequences in which things move, hide, are ignored, and prompts are mixed up.

    Kinds `track` (from each object's first frame on), `box` (an object on a frame) and phrases. `steady_flow` goes with
    them.
    """
    random = np.random.default_rng(seed)
    truth, prompts, predictions, rows = {}, [], [], []
    for number in range(n_sequences):
        tracks = {track: random_ellipse(random, shape) for track in range(1, 5)}
        begun = set()
        for frame in range(n_frames):
            image = 100 * (number + 1) + frame
            rows.append((image, f"{image}.png", shape[1], shape[0], f"s{number}", f"s{number}", frame))
            tracks = {key: np.roll(mask, (1, 2), axis=(0, 1)) for key, mask in tracks.items()}
            seen = [key for key in tracks if random.random() < 0.8 or key == 1]
            truth[image] = [(10 * image + key, tracks[key], random.random() < 0.1, key) for key in seen]
            labels = {key: (item, ignore) for item, _, ignore, key in truth[image]}
            begun |= {key for key, (_, ignore) in labels.items() if not ignore}
            asked = [("track", key, None) for key in sorted(begun)]
            asked += [("box", key, None) for key, (_, ignore) in labels.items() if not ignore and random.random() < 0.9]
            asked += [("phrase", None, "apple"), ("phrase", None, "pear")][: random.integers(1, 3)]
            for place, (kind, key, phrase) in enumerate(asked):
                name = f"{image}-{place}"
                wanted = [item for item, ignore in labels.values() if not ignore]
                if kind != "phrase":
                    item, ignore = labels.get(key, (None, False))
                    wanted = None if ignore else [item] if item else []
                elif phrase == "pear":
                    wanted = []
                prompts.append((name, image, kind, phrase, wanted, key if kind == "track" else None))
                answers = [tracks[k if random.random() < 0.8 else 1 + k % 4] for k in ([key] if key else seen)]
                answers = [jitter_mask(random, mask) for mask in answers if random.random() < 0.8]
                scores = np.sort(random.random(len(answers)).round(3))[::-1]
                predictions += [(name, k, image, scores[k], mask) for k, mask in enumerate(answers)]
    instances = make_ground_truth({image: [row[:3] for row in found] for image, found in truth.items()}, shape)
    for image, found in truth.items():
        tracked = zip(instances.instances[image], found, strict=True)
        instances.instances[image] = [replace(item, track=row[3]) for item, row in tracked]
    names = ["image_id", "file", "width", "height", "group", "sequence", "frame"]
    table = prompts_table([row[:5] for row in prompts]).assign(track=[row[5] for row in prompts])
    return masks_table(predictions), table, instances, pd.DataFrame(rows, columns=names)


def constant_flow(image_row) -> OpticalFlow:
    """The flow of `random_sequences`: 2 px to the right, 1 px down; the leftmost 10 columns are out of sight."""
    rows, columns = np.mgrid[: image_row.height - 1, 10 : image_row.width - 2]
    places = (rows * image_row.width + columns).ravel()
    return OpticalFlow(places, places + image_row.width + 2)


def rle_to_box(rle: masks.RLE) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of the mask."""
    crop = masks.crop(rle)
    return crop.left, crop.top, crop.left + crop.mask.shape[1], crop.top + crop.mask.shape[0]
