"""Time and memory of the stage `matching`, compared with loops over whole images and with evaluators of AP.

    python benchmarks/metrics.py [--images 331] [--jobs 2] [--loops 2]

Images of 720×1280 px are generated, with 40 instances and 100 predictions of one phrase each; most predictions are
shifted copies of the instances. Prints Markdown:

- all measures of all images, as in a run (one job per shard), and of half and twice as many images;
- IoU of all pairs, Dice of all pairs and boundary F at 2 px of the best, compared with the loops of a published
  repository (each mask is decoded to its whole image, one pair at a time);
- mask AP from RLE, compared with pycocotools and faster-coco-eval. The latter is used by this program only, so it is in
  no lock file: `pip install faster-coco-eval==1.8.0`; without it its row is left out.

Ratios are of processor time, because other processes on the machine have little effect on it.
"""

import argparse
import contextlib
import importlib.util
import io
import multiprocessing
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from _measuring import describe_machine, peak_memory_mb
from scipy.ndimage import binary_erosion, distance_transform_edt

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from samgap.annotations.ground_truth import GroundTruth, Instance
from samgap.masks import boundaries
from samgap.masks import rle as rles
from samgap.matching import coco
from samgap.matching.shard import match_shard
from samgap.tables.matching import IOU_THRESHOLDS
from samgap.tables.predictions import MASKS

IMAGE_SHAPE = (720, 1280)
INSTANCES_PER_IMAGE, PREDICTIONS_PER_IMAGE = 40, 100


def draw_apple(rng: np.random.Generator, centre: np.ndarray, radius_px: float) -> np.ndarray:
    """Draw an apple: an ellipse with a wavy outline, partly occluded by a leaf."""
    top, left = (int(max(coordinate - 2 * radius_px, 0)) for coordinate in centre)
    rows, columns = np.mgrid[
        top : min(top + int(4 * radius_px), IMAGE_SHAPE[0]), left : min(left + int(4 * radius_px), IMAGE_SHAPE[1])
    ]
    y, x = rows - centre[0], columns - centre[1]
    angle = np.arctan2(y, x)
    wave = 1 + 0.06 * np.sin(rng.integers(3, 8) * angle + rng.uniform(0, 6))
    mask = np.hypot(y, x * rng.uniform(0.9, 1.1)) <= radius_px * wave
    mask &= x * rng.choice([-1, 1]) < radius_px * rng.uniform(0.4, 1.2)
    image_mask = np.zeros(IMAGE_SHAPE, bool)
    image_mask[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
    return image_mask


def generate_image(seed: int) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
    """Generate ground-truth masks, predicted masks and scores."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform((40, 40), (IMAGE_SHAPE[0] - 40, IMAGE_SHAPE[1] - 40), (INSTANCES_PER_IMAGE, 2))
    radii = rng.uniform(10, 40, INSTANCES_PER_IMAGE)
    truth = [draw_apple(rng, centre, radius) for centre, radius in zip(centres, radii, strict=True)]
    chosen = rng.integers(0, INSTANCES_PER_IMAGE, PREDICTIONS_PER_IMAGE - INSTANCES_PER_IMAGE)
    order = np.concatenate([np.arange(INSTANCES_PER_IMAGE), chosen])
    shift = rng.normal(0, 3, (PREDICTIONS_PER_IMAGE, 2))
    predicted = [
        draw_apple(rng, centres[k] + shift[n], radii[k] * rng.uniform(0.85, 1.15)) for n, k in enumerate(order)
    ]
    return truth, predicted, rng.random(PREDICTIONS_PER_IMAGE).round(3)


def generate_shard(image_ids: list[int]) -> tuple[pd.DataFrame, pd.DataFrame, GroundTruth, pd.DataFrame]:
    """Generate the arguments of `match_shard`, image by image, with masks as RLE."""
    rows, prompts, instances, sizes = [], [], {}, {}
    for key in image_ids:
        truth, predicted, scores = generate_image(key)
        instances[key] = []
        for number, mask in enumerate(truth):
            code = rles.encode(mask)
            crop = rles.crop(code)
            box = (crop.left, crop.top, crop.left + crop.mask.shape[1], crop.top + crop.mask.shape[0])
            instances[key].append(Instance(key * 1000 + number, key, "apple", box, int(mask.sum()), code))
        sizes[key] = {"height": IMAGE_SHAPE[0], "width": IMAGE_SHAPE[1]}
        prompts.append((f"{key}-1", key, "phrase", "apple", [item.id for item in instances[key]]))
        for number, (mask, score) in enumerate(zip(predicted, scores, strict=True)):
            code = rles.encode(mask)
            crop = rles.crop(code)
            corners = (crop.left, crop.top, crop.left + crop.mask.shape[1], crop.top + crop.mask.shape[0])
            rows.append((f"{key}-1", number, key, score, *corners, *IMAGE_SHAPE, int(mask.sum()), code["counts"]))
    names = [name for name in MASKS.schema.names if name != "clicks"]
    prompt_table = pd.DataFrame(prompts, columns=["prompt_id", "image_id", "kind", "phrase", "truth_ids"])
    image_table = pd.DataFrame({"image_id": image_ids, "width": IMAGE_SHAPE[1], "height": IMAGE_SHAPE[0], "group": "g"})
    return (
        pd.DataFrame(rows, columns=names),
        prompt_table,
        GroundTruth(sizes, instances, frozenset({"apple"}), {}),
        image_table,
    )


def time_matching(image_ids: list[int]) -> tuple[float, float, float, float, pd.DataFrame]:
    """Return wall and processor seconds of `match_shard`, peak memory and memory at the start in MB, and the pairs."""
    shard = generate_shard(image_ids)
    initial_mb = peak_memory_mb()
    wall_start, cpu_start = time.perf_counter(), time.process_time()
    pairs = match_shard(*shard, 0.0)[2]
    seconds, cpu_seconds = time.perf_counter() - wall_start, time.process_time() - cpu_start
    return seconds, cpu_seconds, peak_memory_mb(), initial_mb, pairs


def measure_parallel_jobs(n_images: int, n_jobs: int) -> pd.DataFrame:
    """Match the shards in parallel processes, as in a run."""
    parts = [list(range(start, n_images, n_jobs)) for start in range(n_jobs)]
    with multiprocessing.get_context("spawn").Pool(n_jobs) as pool:
        results = pool.map(time_matching, [part for part in parts if part], chunksize=1)
    seconds, cpu_seconds, peak_mb, initial_mb = (max(row[column] for row in results) for column in range(4))
    print(
        f"| {n_images} | {n_jobs} | {seconds:.1f} | {cpu_seconds:.1f} | {peak_mb:.0f} | {peak_mb - initial_mb:.0f} |",
        flush=True,
    )
    return pd.concat([row[4] for row in results], ignore_index=True)


def time_whole_image_loops(seed: int) -> float:
    """Return the seconds for IoU and Dice of all pairs and boundary F at 2 px of the best, on one whole image."""
    truth, predicted, _ = generate_image(seed)
    start = time.process_time()
    matrix = np.zeros((2, len(predicted), len(truth)))
    for row, prediction in enumerate(predicted):
        for column, instance in enumerate(truth):
            common = (prediction & instance).sum()
            total = prediction.sum() + instance.sum()
            matrix[:, row, column] = common / (prediction | instance).sum(), 2 * common / total
    for column, best in enumerate(matrix[0].argmax(axis=0)):
        edges = [mask & ~binary_erosion(mask) for mask in (predicted[best], truth[column])]
        distances = [distance_transform_edt(~edge) for edge in edges]
        _ = (distances[1][edges[0]] <= 2).mean(), (distances[0][edges[1]] <= 2).mean()
    return time.process_time() - start


def time_samgap(seed: int) -> float:
    """Return the seconds for the same measures of one image, from RLE."""
    truth, predicted = ([rles.encode(mask) for mask in part] for part in generate_image(seed)[:2])
    start = time.process_time()
    common = rles.compute_intersections(predicted, truth)
    areas = rles.compute_areas(predicted)[:, None], rles.compute_areas(truth)[None]
    matrix = rles.iou(common, *areas)
    _ = rles.dice(common, *areas)
    for column, best in enumerate(matrix.argmax(axis=0)):
        pair = boundaries.crop_pair(rles.crop(predicted[best]), rles.crop(truth[column]), *IMAGE_SHAPE)
        edges = [boundaries.extract_boundary(mask) for mask in pair]
        boundaries.boundary_f(boundaries.compute_boundary_distances(*edges), 2)
    return time.process_time() - start


def time_samgap_ap(predictions: pd.DataFrame, truth: GroundTruth) -> tuple[float, float]:
    """Return the seconds of mask AP from RLE, and its value."""
    predictions_by_image = {
        key: ([{"size": list(IMAGE_SHAPE), "counts": rle} for rle in rows["rle"]], rows["score"].to_numpy())
        for key, rows in predictions.groupby("image_id")
    }
    start = time.process_time()
    scores, hits, n_positives = [], [], 0
    for key, (masks, score) in predictions_by_image.items():
        order = np.argsort(-score, kind="stable")[: coco.MAX_DETECTIONS]
        gold = [item.rle for item in truth.instances_of(key)]
        areas, gold_areas = rles.compute_areas(masks), rles.compute_areas(gold)
        ious = rles.iou(rles.compute_intersections(masks, gold), areas[:, None], gold_areas[None])[order]
        scores.append(score[order])
        hits.append(coco.match_detections(ious, areas[order], gold_areas, np.zeros(len(gold), bool))[0])
        n_positives += len(gold)
    ranked = coco.RankedDetections(scores, hits, np.zeros(len(scores), np.int64), coco.MAX_DETECTIONS)
    values = ranked.average_precision(np.ones((1, 1)), np.array([float(n_positives)]), range(len(IOU_THRESHOLDS)))
    return time.process_time() - start, float(values.mean())


def time_evaluator_ap(predictions: pd.DataFrame, truth: GroundTruth, package: str) -> tuple[float, float]:
    """Return the seconds of another evaluator on the same masks, and its AP with 1,000 detections."""
    if package == "pycocotools":
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval as Evaluator
    else:
        from faster_coco_eval import COCO
        from faster_coco_eval import COCOeval_faster as Evaluator
    items = [item for rows in truth.instances.values() for item in rows]
    annotations = [
        {"id": number + 1, "image_id": item.image_id, "category_id": 1, "iscrowd": 0, "area": item.area,
         "bbox": [0, 0, 1, 1], "segmentation": item.rle}
        for number, item in enumerate(items)
    ]  # fmt: skip
    categories = [{"id": 1, "name": "apple"}]
    images = [{"id": key, **size} for key, size in truth.images.items()]
    results = [
        {"image_id": row.image_id, "category_id": 1, "score": row.score,
         "segmentation": {"size": [row.height, row.width], "counts": row.rle}}
        for row in predictions.itertuples()
    ]  # fmt: skip
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        gold = COCO()
        gold.dataset = {"images": images, "categories": categories, "annotations": annotations, "info": {}}
        gold.createIndex()
        run = Evaluator(gold, gold.loadRes(results), "segm")
        run.params.maxDets = [1, 10, 1000]
        run.evaluate()
        run.accumulate()
    precision = np.asarray(run.eval["precision"])
    return time.process_time() - start, float(precision[:, :, 0, 0, -1].mean())


def main() -> None:
    """Parse the arguments and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=331)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--loops", type=int, default=2, help="images measured by loops over whole images")
    parser.add_argument("--ap", type=int, default=100, help="images of which all programs compute AP")
    arguments = parser.parse_args()
    print(f"{describe_machine()}.\n")
    print("| images | jobs | s | processor s of the busiest job | MB per job | part while matching |")
    print("|---|---|---|---|---|---|")
    for images in (arguments.images // 2, arguments.images, arguments.images * 2):
        measure_parallel_jobs(max(images, arguments.jobs), arguments.jobs)
    slow, fast = (
        np.mean([measure(seed) for seed in range(arguments.loops)]) for measure in (time_whole_image_loops, time_samgap)
    )
    print("\n| IoU, Dice and boundary F at 2 px, one image | processor s | ratio |\n|---|---|---|")
    print(f"| loops over whole images | {slow:.2f} | {slow / fast:.0f} |\n| samgap | {fast:.4f} | 1 |")
    predictions, _, truth, _ = generate_shard(list(range(arguments.ap)))
    print(f"\n| mask AP of {arguments.ap} images | processor s | ratio | AP |\n|---|---|---|---|")
    rows = {"samgap": min(time_samgap_ap(predictions, truth) for _ in range(3))}
    for package in ("pycocotools", "faster-coco-eval"):
        if importlib.util.find_spec(package.replace("-", "_")):
            rows[package] = min(time_evaluator_ap(predictions, truth, package) for _ in range(3))
    for name, (seconds, value) in rows.items():
        print(f"| {name} | {seconds:.2f} | {seconds / rows['samgap'][0]:.2f} | {value:.9f} |")


if __name__ == "__main__":
    main()
