"""How fast models are asked, beside loops over the packages' own predictors: docs/reference/performance.md.

    PYTHONPATH=src python benchmarks/inference.py [--part gpu cpu options growth] [--repeats 5] [--threads 2]

`gpu`: the published models with random weights, on one GPU; without one its rows say so. `cpu`: the demo's models on a
CPU. `options`: their image encoders in bf16 and with channels last. `growth`: more images and more phrases. What is
compared is run in turn and the medians are told, so that what else the machine does falls on all alike. Printed as
Markdown.
"""

import argparse
import functools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from samgap.models.runtime import device
from samgap.models.sam2 import image as sam2
from samgap.models.sam3 import image as sam3

# isort: split
import _measuring as measuring
import _official as official
import torch

DEMO_DIR = Path(__file__).parents[1] / "config" / "demo"
BOXES_PER_IMAGE = 40
PARTS = ("gpu", "cpu", "options", "growth")
GROWTH_SIZES = {"images": ((3, 3), (30, 3), (300, 3)), "phrases": ((6, 3), (6, 30))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--once", nargs=2, type=int, metavar=("IMAGES", "PHRASES"), help="one run, as JSON")
    given = parser.parse_args()
    device.init_torch(given.threads)
    if given.once:
        print(json.dumps(measure_once(*given.once)))
        return
    print(f"On {describe_machine()}.\n")
    if "gpu" in given.part:
        import _gpu

        _gpu.print_table(given.repeats)
    if "cpu" in given.part:
        measure_cpu(given.repeats)
    if "options" in given.part:
        measure_options(given.repeats)
    if "growth" in given.part:
        measure_growth(given.threads)


def describe_machine() -> str:
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{measuring.describe_machine()}, {gpu}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def open_sam2(side_px: int | None = None, **precision_options: Any) -> sam2.Sam2:
    """The demo's SAM2, at another size of its input if `side` says so."""
    overrides = yaml.safe_load((DEMO_DIR / "sam2-demo.overrides.yaml").read_text())
    if side_px:
        overrides["model.image_size"] = side_px
    entry = {"config": "configs/sam2.1/sam2.1_hiera_t.yaml", "overrides": overrides, **precision_options}
    return sam2.open_model(entry, DEMO_DIR / "sam2-demo.pt", "cpu")


def open_sam3(side_px: int | None = None, **precision_options: Any) -> sam3.Sam3:
    """The demo's SAM3, likewise."""
    architecture = yaml.safe_load((DEMO_DIR / "sam3-demo.architecture.yaml").read_text())
    if side_px:
        architecture["size"] = side_px
    return sam3.open_model({"architecture": architecture, **precision_options}, DEMO_DIR / "sam3-demo.pt", "cpu")


def measure_cpu(n_repeats: int, n_images: int = 4) -> None:
    print("## The demo's models on a CPU\n")
    print(
        "Images of 512 px. Seconds an image; how many times as long the package's loop takes, with RLEs and without.\n"
    )
    print("| model | input | asked | samgap | loop, RLEs | loop, none | with RLEs | without |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images, boxes = official.draw_images(folder, n_images, 512, 512, BOXES_PER_IMAGE)
        for side in (224, None):
            model: Any = open_sam2(side)
            mine = official.make_samgap_run(model, images, folder, official.make_box_prompts(images, boxes))
            loops = [official.make_sam2_loop(model, images, folder, boxes, keep) for keep in (True, False)]
            print_row(
                "sam2-demo",
                model.model.image_size,
                f"{BOXES_PER_IMAGE} boxes",
                n_images,
                *official.time_interleaved(n_repeats, mine, *loops),
            )
        asked_at = [(side, phrases) for side in (224, None) for phrases in (official.PHRASES, official.PHRASES[:1])]
        for side, phrases in asked_at:
            model = open_sam3(side)
            thresholds = {(n, phrase): sam3.MIN_SCORE for n in images["image_id"] for phrase in phrases}
            mine = official.make_samgap_run(model, images, folder, official.make_phrase_prompts(images, phrases))
            loops = [
                official.make_sam3_loop(model, images, folder, phrases, thresholds, keep) for keep in (True, False)
            ]
            asked = f"{len(phrases)} phrase{'s' * (len(phrases) > 1)}"
            print_row(
                "sam3-demo", model.image_size, asked, n_images, *official.time_interleaved(n_repeats, mine, *loops)
            )
    print()


def print_row(
    model: str, side_px: int, prompt_description: str, n_images: int, seconds_per_run: list[float], ratios: list[float]
) -> None:
    spent = " | ".join(f"{each / n_images:.3f}" for each in seconds_per_run)
    print(
        f"| {model} | {side_px} px | {prompt_description} | {spent} | {ratios[1]:.2f} | {ratios[2]:.2f} |", flush=True
    )


def measure_options(n_repeats: int) -> None:
    print("## Options for speed on a CPU\n")
    print("One image of 512 px encoded, ms; and how many times as long as without the option.\n")
    print("| model | plain | `precision: bf16` | `channels-last: true` |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        images, _ = official.draw_images(Path(name), 1, 512, 512, BOXES_PER_IMAGE)
        picture = official.read_first_image(Path(name), images)
    for title, family in (("sam2-demo", open_sam2), ("sam3-demo", open_sam3)):
        models = [family(**more) for more in ({}, {"precision": "bf16"}, {"channels-last": True})]
        times, ratios = official.time_interleaved(
            n_repeats, *(functools.partial(one.set_image, picture) for one in models)
        )
        told = [f"{1e3 * each:.0f} ({ratio:.2f})" for each, ratio in zip(times[1:], ratios[1:], strict=True)]
        print(f"| {title} | {1e3 * times[0]:.0f} | {' | '.join(told)} |", flush=True)
    print()


def measure_growth(n_threads: int) -> None:
    """Each in a process of its own, for its memory."""
    print("## More images, more phrases\n")
    print("sam3-demo, images of 512 px. Processor seconds, without those of loading the model.\n")
    print("| images | phrases | s | ms an image | peak memory, MB |\n|---|---|---|---|---|")
    for images, phrases in dict.fromkeys([*GROWTH_SIZES["images"], *GROWTH_SIZES["phrases"]]):
        asked = ["--once", str(images), str(phrases), "--threads", str(n_threads)]
        told = json.loads(subprocess.run([sys.executable, __file__, *asked], check=True, stdout=-1).stdout)
        each = 1e3 * told["s"] / images
        print(f"| {images} | {phrases} | {told['s']:.1f} | {each:.0f} | {told['mb']:.0f} |", flush=True)
    print()


def measure_once(n_images: int, n_phrases: int) -> dict[str, float]:
    from samgap.predictions.chunks import ChunkStore
    from samgap.predictions.shard import predict_shard

    phrases = [f"{official.PHRASES[n % 20]} {n // 20 or ''}".strip() for n in range(n_phrases)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images, _ = official.draw_images(folder, min(n_images, 6), 512, 512, BOXES_PER_IMAGE)
        images = images.iloc[[n % len(images) for n in range(n_images)]].assign(image_id=range(n_images))
        prompts, model = official.make_phrase_prompts(images, phrases), open_sam3()
        started = time.process_time()
        chunks = ChunkStore(folder / "aside", {})
        predict_shard(model, images, folder, prompts, "cpu", chunks)
        chunks.write_tables(folder / "masks.parquet", folder / "timing.parquet", {})
        spent = time.process_time() - started
    return {"s": spent, "mb": measuring.peak_memory_mb()}


if __name__ == "__main__":
    main()
