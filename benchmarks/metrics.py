"""Time and memory of the measure stage, against loops over whole images and pycocotools' own evaluator.

    python benchmarks/metrics.py [--images 331] [--jobs 2] [--loops 2]

Generated images of 720×1280 px with 40 instances and 100 predictions of one phrase each, most of them shaken copies of
the instances. Printed: seconds an image and in all, the peak memory of a process, and how many times faster than the
loops that a published repository of the field uses (each mask decoded to its whole image, IoU, Dice and boundary F one
pair at a time). Growth: the same for half of the images.
"""

import argparse
import contextlib
import io
import multiprocessing
import resource
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import binary_erosion, distance_transform_edt

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from samgap import masks as rles
from samgap import outlines, tables
from samgap.matching import measure
from samgap.metrics import evaluate
from samgap.truth import Instance, Truth

SHAPE = (720, 1280)
TRUTH, PREDICTED = 40, 100


def blob(random: np.random.Generator, centre: np.ndarray, radius: float) -> np.ndarray:
    """An apple: an ellipse with a wavy outline, some of it behind a leaf."""
    top, left = (int(max(at - 2 * radius, 0)) for at in centre)
    rows, columns = np.mgrid[top : min(top + int(4 * radius), SHAPE[0]), left : min(left + int(4 * radius), SHAPE[1])]
    y, x = rows - centre[0], columns - centre[1]
    angle = np.arctan2(y, x)
    wave = 1 + 0.06 * np.sin(random.integers(3, 8) * angle + random.uniform(0, 6))
    mask = np.hypot(y, x * random.uniform(0.9, 1.1)) <= radius * wave
    mask &= x * random.choice([-1, 1]) < radius * random.uniform(0.4, 1.2)
    whole = np.zeros(SHAPE, bool)
    whole[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    return whole


def image(number: int) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Masks of the truth and of predictions, and their scores."""
    random = np.random.default_rng(number)
    centres = random.uniform((40, 40), (SHAPE[0] - 40, SHAPE[1] - 40), (TRUTH, 2))
    radii = random.uniform(10, 40, TRUTH)
    truth = [blob(random, centre, radius) for centre, radius in zip(centres, radii, strict=True)]
    chosen = random.integers(0, TRUTH, PREDICTED - TRUTH)
    order = np.concatenate([np.arange(TRUTH), chosen])
    shift = random.normal(0, 3, (PREDICTED, 2))
    predicted = [
        blob(random, centres[k] + shift[n], radii[k] * random.uniform(0.85, 1.15)) for n, k in enumerate(order)
    ]
    return truth, predicted, random.random(PREDICTED).round(3)


def shard(numbers: list[int]) -> tuple[pd.DataFrame, pd.DataFrame, Truth, pd.DataFrame]:
    """What `measure` takes; the images are made one at a time and kept as RLE."""
    rows, prompts, instances, sizes = [], [], {}, {}
    for key in numbers:
        truth, predicted, scores = image(key)
        instances[key] = []
        for place, mask in enumerate(truth):
            code = rles.encode(mask)
            crop = rles.crop(code)
            box = (crop.left, crop.top, crop.left + crop.inside.shape[1], crop.top + crop.inside.shape[0])
            instances[key].append(Instance(key * 1000 + place, key, "apple", box, int(mask.sum()), code))
        sizes[key] = {"height": SHAPE[0], "width": SHAPE[1]}
        prompts.append((f"{key}-1", key, "phrase", "apple", [item.id for item in instances[key]]))
        for place, (mask, score) in enumerate(zip(predicted, scores, strict=True)):
            code = rles.encode(mask)
            crop = rles.crop(code)
            corners = (crop.left, crop.top, crop.left + crop.inside.shape[1], crop.top + crop.inside.shape[0])
            rows.append((f"{key}-1", place, key, score, *corners, *SHAPE, int(mask.sum()), code["counts"]))
    names = [name for name in tables.SCHEMAS["masks"].names if name != "clicks"]
    asked = pd.DataFrame(prompts, columns=["prompt_id", "image_id", "kind", "phrase", "truth_ids"])
    pictures = pd.DataFrame({"image_id": numbers, "width": SHAPE[1], "height": SHAPE[0], "group": "g"})
    return pd.DataFrame(rows, columns=names), asked, Truth(sizes, instances, frozenset({"apple"}), {}), pictures


def timed(numbers: list[int]) -> tuple[float, float, float, pd.DataFrame]:
    """Seconds of `measure` by the clock and of the processor, the process's peak memory in MB, and the pairs."""
    made = shard(numbers)
    start, worked = time.perf_counter(), time.process_time()
    pairs = measure(*made, 0.0)[2]
    seconds, worked = time.perf_counter() - start, time.process_time() - worked
    return seconds, worked, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, pairs


def measured(images: int, jobs: int) -> tuple[str, pd.DataFrame]:
    """As a run does it: a job a shard, `jobs` at a time."""
    parts = [list(range(start, images, jobs)) for start in range(jobs)]
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        found = pool.map(timed, [part for part in parts if part], chunksize=1)
    seconds, worked, memory = (max(row[column] for row in found) for column in range(3))
    line = f"measure: {images} images, {jobs} jobs: {seconds:.1f} s, {worked:.1f} s of each core, {memory:.0f} MB a job"
    return line, pd.concat([row[3] for row in found])


def loops(number: int) -> float:
    """Seconds for one image: IoU of all pairs, then Dice and boundary F at 2 px of the best, on whole images."""
    truth, predicted, _ = image(number)
    start = time.perf_counter()
    matrix = np.array([[(one & other).sum() / (one | other).sum() for other in truth] for one in predicted])
    for column, best in enumerate(matrix.argmax(axis=0)):
        one, other = predicted[best], truth[column]
        _ = 2 * (one & other).sum() / (one.sum() + other.sum())
        edges = [mask & ~binary_erosion(mask) for mask in (one, other)]
        far = [distance_transform_edt(~edge) for edge in edges]
        _ = (far[1][edges[0]] <= 2).mean(), (far[0][edges[1]] <= 2).mean()
    return time.perf_counter() - start


def quick(number: int) -> float:
    """Seconds for the same of one image, from RLE."""
    truth, predicted = ([rles.encode(mask) for mask in part] for part in image(number)[:2])
    start = time.perf_counter()
    common = rles.intersections(predicted, truth)
    areas = rles.areas(predicted)[:, None], rles.areas(truth)[None]
    matrix = rles.iou(common, *areas)
    _ = rles.dice(common, *areas)
    for column, best in enumerate(matrix.argmax(axis=0)):
        one, other = outlines.together(rles.crop(predicted[best]), rles.crop(truth[column]), *SHAPE)
        outlines.f_score(outlines.apart(outlines.boundary(one), outlines.boundary(other)), 2)
    return time.perf_counter() - start


def coco(numbers: list[int]) -> tuple[float, float]:
    """Seconds of pycocotools' evaluator on the same masks, and its AP at 1,000 detections."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    predictions, _, truth, _ = shard(numbers)
    gold, results = COCO(), []
    items = [item for rows in truth.instances.values() for item in rows]
    gold.dataset = {
        "images": [{"id": key, **size} for key, size in truth.images.items()],
        "categories": [{"id": 1, "name": "apple"}],
        "annotations": [
            {"id": number + 1, "image_id": item.image_id, "category_id": 1, "iscrowd": 0, "area": item.area,
             "bbox": [0, 0, 1, 1], "segmentation": item.rle}
            for number, item in enumerate(items)
        ],
        "info": {},
    }  # fmt: skip
    for row in predictions.itertuples():
        code = {"size": [row.height, row.width], "counts": row.rle}
        results.append({"image_id": row.image_id, "category_id": 1, "score": row.score, "segmentation": code})
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        gold.createIndex()
        run = COCOeval(gold, gold.loadRes(results), "segm")
        run.params.maxDets = [1, 10, 1000]
        run.evaluate()
        run.accumulate()
    return time.perf_counter() - start, float(run.eval["precision"][:, :, 0, 0, -1].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=331)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--loops", type=int, default=2, help="images measured by loops over whole images")
    given = parser.parse_args()
    line, pairs = measured(given.images, given.jobs)
    print(line, measured(max(given.images // 2, given.jobs), given.jobs)[0], sep="\n", flush=True)
    start = time.perf_counter()
    ours = evaluate("map", pairs)
    print(f"average precision from the pairs: {time.perf_counter() - start:.2f} s, {ours:.6f}")
    numbers = list(range(given.images))[:40]
    theirs, value = coco(numbers)
    print(f"pycocotools: {theirs / len(numbers):.3f} s an image, {value:.6f} on the first {len(numbers)}")
    slow, fast = (np.mean([each(number) for number in range(given.loops)]) for each in (loops, quick))
    print(f"IoU, Dice, boundary F 2 px: loops {slow:.2f} s an image, here {fast * 1e3:.1f} ms: {slow / fast:.0f} times")


if __name__ == "__main__":
    main()
