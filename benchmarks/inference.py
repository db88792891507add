"""Inference performance against loops over the packages' predictors: docs/reference/performance.md.

    PYTHONPATH=src python benchmarks/inference.py [--part gpu cpu options growth] [--repeats 5] [--threads 2]

`gpu`: the published models with random weights, on one GPU; without one its rows say so. `cpu`: the demo's models on a
CPU. `options`: their image encoders in bf16 and with channels last. `growth`: more images and more phrases. Compared
programs run in turn and medians are printed, so that other work on the machine affects all alike. The output is
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
GROWTH_SIZES = ((3, 3), (30, 3), (300, 3), (6, 3), (6, 30))
"""Numbers of images and phrases."""


def main() -> None:
    """Measure and print the parts that the arguments name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--once", nargs=2, type=int, metavar=("IMAGES", "PHRASES"), help="one run, as JSON")
    args = parser.parse_args()
    device.init_torch(args.threads, tf32=True)
    if args.once:
        print(json.dumps(measure_once(*args.once)))
        return
    print(f"On {describe_machine()}.\n")
    if "gpu" in args.part:
        import _gpu

        _gpu.print_table(args.repeats)
    if "cpu" in args.part:
        measure_cpu(args.repeats)
    if "options" in args.part:
        measure_options(args.repeats)
    if "growth" in args.part:
        measure_growth(args.threads)


def describe_machine() -> str:
    """Return the cores, the GPU, and the threads and version of torch."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{measuring.describe_machine()}, {gpu}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def open_sam2(side_px: int | None = None, **precision_options: Any) -> sam2.Sam2:
    """Return the demo's SAM2, optionally with another input size."""
    overrides = yaml.safe_load((DEMO_DIR / "sam2-demo.overrides.yaml").read_text(encoding="utf-8"))
    if side_px:
        overrides["model.image_size"] = side_px
    options = {"config": "configs/sam2.1/sam2.1_hiera_t.yaml", "overrides": overrides, **precision_options}
    return sam2.open_model(options, DEMO_DIR / "sam2-demo.pt", "cpu")


def open_sam3(side_px: int | None = None, **precision_options: Any) -> sam3.Sam3:
    """Return the demo's SAM3, optionally with another input size."""
    architecture = yaml.safe_load((DEMO_DIR / "sam3-demo.architecture.yaml").read_text(encoding="utf-8"))
    if side_px:
        architecture["size"] = side_px
    options = {"architecture": architecture, "interactive": True, "tracks": False, **precision_options}
    return sam3.open_model(options, DEMO_DIR / "sam3-demo.pt", "cpu")


def measure_cpu(n_repeats: int, n_images: int = 4) -> None:
    """Print the times of samgap and of both loops, for both demo models and two input sizes."""
    print("## The demo's models on a CPU\n")
    print("Images of 512 px. Seconds per image, and the ratio of the loop's time to samgap's, with RLEs and without.\n")
    print("| model | input | prompts | samgap | loop, RLEs | loop, none | with RLEs | without |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images, boxes = official.draw_images(folder, n_images, 512, 512, BOXES_PER_IMAGE)
        for side in (224, None):
            model: Any = open_sam2(side)
            samgap = official.make_samgap_run(model, images, folder, official.make_box_prompts(images, boxes))
            loops = [official.make_sam2_loop(model, images, folder, boxes, rles) for rles in (True, False)]
            times = official.time_interleaved(n_repeats, samgap, *loops)
            print_row("sam2-demo", model.model.image_size, f"{BOXES_PER_IMAGE} boxes", n_images, *times)
        cases = [(side, phrases) for side in (224, None) for phrases in (official.PHRASES, official.PHRASES[:1])]
        for side, phrases in cases:
            model = open_sam3(side)
            thresholds = {(n, phrase): sam3.MIN_SCORE for n in images["image_id"] for phrase in phrases}
            samgap = official.make_samgap_run(model, images, folder, official.make_phrase_prompts(images, phrases))
            loops = [
                official.make_sam3_loop(model, images, folder, phrases, thresholds, rles) for rles in (True, False)
            ]
            times = official.time_interleaved(n_repeats, samgap, *loops)
            prompts = f"{len(phrases)} phrase{'s' * (len(phrases) > 1)}"
            print_row("sam3-demo", model.image_size, prompts, n_images, *times)
    print()


def print_row(
    model: str, side_px: int, prompts: str, n_images: int, seconds_per_run: list[float], ratios: list[float]
) -> None:
    """Print one row of `measure_cpu`."""
    seconds = " | ".join(f"{run_seconds / n_images:.3f}" for run_seconds in seconds_per_run)
    print(f"| {model} | {side_px} px | {prompts} | {seconds} | {ratios[1]:.2f} | {ratios[2]:.2f} |", flush=True)


def measure_options(n_repeats: int) -> None:
    """Print the time of each image encoder with each option for speed."""
    print("## Options for speed on a CPU\n")
    print("Time to encode one image of 512 px, ms, and its ratio to the time without the option.\n")
    print("| model | default | `precision: bf16` | `channels-last: true` |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        images, _ = official.draw_images(Path(name), 1, 512, 512, BOXES_PER_IMAGE)
        image = official.read_first_image(Path(name), images)
    for name, open_model in (("sam2-demo", open_sam2), ("sam3-demo", open_sam3)):
        models = [open_model(**options) for options in ({}, {"precision": "bf16"}, {"channels-last": True})]
        encode_functions = [functools.partial(model.set_image, image) for model in models]
        seconds, ratios = official.time_interleaved(n_repeats, *encode_functions)
        cells = [f"{1e3 * time_s:.0f} ({ratio:.2f})" for time_s, ratio in zip(seconds[1:], ratios[1:], strict=True)]
        print(f"| {name} | {1e3 * seconds[0]:.0f} | {' | '.join(cells)} |", flush=True)
    print()


def measure_growth(n_threads: int) -> None:
    """Print time and memory for more images and more phrases, each measured in a new process."""
    print("## More images, more phrases\n")
    print("sam3-demo, images of 512 px. Processor seconds, without those of loading the model.\n")
    print("| images | phrases | s | ms per image | peak memory, MB |\n|---|---|---|---|---|")
    for n_images, n_phrases in GROWTH_SIZES:
        arguments = ["--once", str(n_images), str(n_phrases), "--threads", str(n_threads)]
        output = subprocess.run([sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE).stdout
        result = json.loads(output)
        ms_per_image = 1e3 * result["s"] / n_images
        print(f"| {n_images} | {n_phrases} | {result['s']:.1f} | {ms_per_image:.0f} | {result['mb']:.0f} |", flush=True)
    print()


def measure_once(n_images: int, n_phrases: int) -> dict[str, float]:
    """Return processor seconds (`s`) and peak memory (`mb`) of one shard, with its tables written."""
    from samgap.predictions.chunks import ChunkStore
    from samgap.predictions.shard import predict_shard

    phrases = [f"{official.PHRASES[n % 20]} {n // 20 or ''}".strip() for n in range(n_phrases)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images, _ = official.draw_images(folder, min(n_images, 6), 512, 512, BOXES_PER_IMAGE)
        images = images.iloc[[n % len(images) for n in range(n_images)]].assign(image_id=range(n_images))
        prompts, model = official.make_phrase_prompts(images, phrases), open_sam3()
        started = time.process_time()
        chunks = ChunkStore(folder / "chunks", {})
        predict_shard(model, images, folder, prompts, "cpu", chunks)
        chunks.write_tables(folder / "masks.parquet", folder / "timing.parquet", {})
        seconds = time.process_time() - started
    return {"s": seconds, "mb": measuring.peak_memory_mb()}


if __name__ == "__main__":
    main()
