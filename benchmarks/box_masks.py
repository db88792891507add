"""How well a mask is guessed from an apple's box, on orchard scenes whose masks are exact.

    PYTHONPATH=src python benchmarks/box_masks.py --scenes 40 --size 512

Prints the mean IoU with the visible mask for the guess, for the ellipse in the box and for the filled box; by the
apple's occlusion and colour; for boxes around what is seen, around the whole apple, and for both with every side
moved by normal noise of 5 % of the box. Also the share of guesses of IoU below 0.5, the share given up (confidence 0),
how confidence ranks the guesses (Spearman), and the processor time of a box.
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
from samgap.demo_models.box_masks import estimate_pseudo_mask

NOISE_FRACTION = 0.05


def generate_scenes(
    n_scenes: int, side_px: int, seed: int
) -> Iterator[tuple[np.ndarray, list[tuple[Annotation, np.ndarray]]]]:
    """Photographs, and their apples with the boxes of the whole of them, within the image."""
    for number in range(n_scenes):
        rng = np.random.default_rng([seed, number])
        scene = compose_scene(rng, side_px, {})
        seen = render_view(scene)
        data = Camera(rng, scene.light, side_px).capture(rng, seen.pixels)
        whole = {}
        for thing, corner in zip(scene.objects, seen.sprite_corners, strict=False):
            if thing.instance_id:
                whole[thing.instance_id] = np.clip(
                    mask_to_box(thing.sprite.alpha > 0.5) + np.tile(corner, 2), 0, side_px
                )
        apples = [(label, whole[key]) for key, label in iter_numbered_annotations(scene, seen) if label.noun == "apple"]
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        yield pixels, [(label, box) for label, box in apples if not label.ignore]


def mask_to_box(mask: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)


def draw_superellipse(shape: tuple[int, ...], box: np.ndarray, exponent: float) -> np.ndarray:
    """The ellipse in a box (power 2), or the box itself (power infinite); bool."""
    y, x = (np.arange(length) + 0.5 for length in shape)
    u = np.abs(x - (box[0] + box[2]) / 2) / ((box[2] - box[0]) / 2)
    v = np.abs(y - (box[1] + box[3]) / 2) / ((box[3] - box[1]) / 2)
    return np.linalg.norm(np.stack(np.broadcast_arrays(u[None], v[:, None])), exponent, axis=0) < 1


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / max((first | second).sum(), 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=40)
    parser.add_argument("--size", type=int, default=512, help="side of a scene, px (default 512)")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    drawn = list(generate_scenes(asked.scenes, asked.size, asked.seed))
    for name, whole, noise in (
        ("visible", False, 0.0),
        ("visible, 5 % noise", False, NOISE_FRACTION),
        ("whole", True, 0.0),
        ("whole, 5 % noise", True, NOISE_FRACTION),
    ):
        rng = np.random.default_rng(0)
        rows, groups = [], []
        for pixels, apples in drawn:
            boxes = [box if whole else mask_to_box(label.mask) for label, box in apples if label.mask is not None]
            boxes = [box + rng.normal(0, noise, 4) * np.tile(box[2:] - box[:2], 2) for box in boxes]
            for index, (label, _) in enumerate(apples):
                box, mask = boxes[index], label.mask
                start = time.process_time()
                found, confidence = estimate_pseudo_mask(pixels, box, boxes[:index] + boxes[index + 1 :])
                spent = time.process_time() - start
                shapes = found, draw_superellipse(mask.shape, box, 2), draw_superellipse(mask.shape, box, np.inf)
                rows.append([*(iou(shape, mask) for shape in shapes), confidence, spent * 1000])
                groups.append((label.attributes["occlusion"], label.attributes["colour"]))
        table = np.array(rows)
        rank = spearmanr(table[:, 0], table[:, 3]).statistic
        print(f"boxes: {name}; {len(table)} apples; confidence and IoU: {rank:.2f}; {table[:, 4].mean():.0f} ms a box")
        print(f"  {'':8} {'n':>5} {'guess':>6} {'ellipse':>7} {'box':>6} {'IoU<.5':>6} {'given up':>8}")
        for group in ("all", "visible", "partial", "heavy", "red", "mixed", "yellow", "green"):
            part = table[[group in (*pair, "all") for pair in groups]]
            if len(part):
                means = part[:, :3].mean(0)
                print(
                    f"  {group:8} {len(part):5} {means[0]:6.3f} {means[1]:7.3f} {means[2]:6.3f}"
                    f" {(part[:, 0] < 0.5).mean():6.3f} {(part[:, 3] == 0).mean():8.3f}"
                )


if __name__ == "__main__":
    main()
