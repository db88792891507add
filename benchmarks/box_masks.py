"""Accuracy and speed of masks estimated from boxes (`samgap.training.box_masks`), on scenes with exact masks.

    PYTHONPATH=src python benchmarks/box_masks.py --scenes 40 --size 512

Prints the mean IoU with the visible mask of the estimate, of the ellipse in the box and of the filled box, by the
apple's occlusion and colour: for boxes around the visible part, boxes around the whole apple, and both with normal
noise of 5 % of the box on every side. Also the fraction of estimates with an IoU below 0.5, the fraction without an
estimate (confidence 0), Spearman's correlation of confidence and IoU, and the CPU time per box.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import argparse
import io
import time
from collections.abc import Iterator

import numpy as np
from PIL import Image
from scipy.stats import spearmanr

from samgap.datasets import Annotation
from samgap.datasets.orchard_sim import iter_numbered_annotations
from samgap.datasets.orchard_sim.camera import Camera
from samgap.datasets.orchard_sim.scene import compose_scene
from samgap.datasets.orchard_sim.view import render_view
from samgap.training.box_masks import estimate_pseudo_mask

NOISE_FRACTION = 0.05


def generate_scenes(
    n_scenes: int, side_px: int, seed: int
) -> Iterator[tuple[np.ndarray, list[tuple[Annotation, np.ndarray]]]]:
    """Yield images, uint8 (side_px, side_px, 3), each with its apples and the boxes of the whole apples, px."""
    for number in range(n_scenes):
        rng = np.random.default_rng([seed, number])
        scene = compose_scene(rng, side_px, {})
        view = render_view(scene)
        encoded = Camera(rng, scene.light, side_px).capture(rng, view.pixels)
        whole_boxes = {}
        for scene_object, corner in zip(scene.objects, view.sprite_corners, strict=False):
            if scene_object.instance_id:
                whole_boxes[scene_object.instance_id] = np.clip(
                    mask_to_box(scene_object.sprite.alpha > 0.5) + np.tile(corner, 2), 0, side_px
                )
        apples = [
            (label, whole_boxes[key]) for key, label in iter_numbered_annotations(scene, view) if label.noun == "apple"
        ]
        pixels = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
        yield pixels, [(label, box) for label, box in apples if not label.ignore]


def mask_to_box(mask: np.ndarray) -> np.ndarray:
    """Return the box of a mask that is not empty: x0, y0, x1, y1, px."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


def draw_superellipse(shape: tuple[int, ...], box: np.ndarray, exponent: float) -> np.ndarray:
    """Return the ellipse in a box (exponent 2) or the box itself (exponent infinity), bool of `shape`."""
    y, x = (np.arange(length) + 0.5 for length in shape)
    u = np.abs(x - (box[0] + box[2]) / 2) / ((box[2] - box[0]) / 2)
    v = np.abs(y - (box[1] + box[3]) / 2) / ((box[3] - box[1]) / 2)
    return np.linalg.norm(np.stack(np.broadcast_arrays(u[None], v[:, None])), exponent, axis=0) < 1


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """Return the IoU of two masks, 0 if both are empty."""
    return float((first & second).sum() / max((first | second).sum(), 1))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--size", type=int, default=512, help="side of a scene, px (default 512)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    scenes = list(generate_scenes(arguments.scenes, arguments.size, arguments.seed))
    for name, whole, noise in (
        ("visible", False, 0.0),
        ("visible, 5 % noise", False, NOISE_FRACTION),
        ("whole", True, 0.0),
        ("whole, 5 % noise", True, NOISE_FRACTION),
    ):
        rng = np.random.default_rng(0)
        rows, groups = [], []
        for pixels, apples in scenes:
            boxes = [box if whole else mask_to_box(label.mask) for label, box in apples if label.mask is not None]
            boxes = [box + rng.normal(0, noise, 4) * np.tile(box[2:] - box[:2], 2) for box in boxes]
            for index, (label, _) in enumerate(apples):
                box, mask = boxes[index], label.mask
                start = time.process_time()
                estimate, confidence = estimate_pseudo_mask(pixels, box, boxes[:index] + boxes[index + 1 :])
                cpu_s = time.process_time() - start
                shapes = estimate, draw_superellipse(mask.shape, box, 2), draw_superellipse(mask.shape, box, np.inf)
                rows.append([*(iou(shape, mask) for shape in shapes), confidence, cpu_s * 1000])
                groups.append((label.attributes["occlusion"], label.attributes["colour"]))
        table = np.array(rows)
        rank = spearmanr(table[:, 0], table[:, 3]).statistic
        cpu_ms = table[:, 4].mean()
        print(f"boxes: {name}; {len(table)} apples; correlation with confidence: {rank:.2f}; {cpu_ms:.0f} ms per box")
        print(f"  {'':8} {'n':>5} {'estimate':>8} {'ellipse':>7} {'box':>6} {'IoU<.5':>6} {'failed':>8}")
        for group in ("all", "visible", "partial", "heavy", "red", "mixed", "yellow", "green"):
            part = table[[group in (*pair, "all") for pair in groups]]
            if len(part):
                means = part[:, :3].mean(0)
                print(
                    f"  {group:8} {len(part):5} {means[0]:8.3f} {means[1]:7.3f} {means[2]:6.3f}"
                    f" {(part[:, 0] < 0.5).mean():6.3f} {(part[:, 3] == 0).mean():8.3f}"
                )


if __name__ == "__main__":
    main()
