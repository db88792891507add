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

from samgap.models import _device, sam2, sam3

# isort: split
import _measuring as measuring
import _official as official
import torch

DEMO = Path(__file__).parents[1] / "config" / "demo"
BOXES = 40
PARTS = ("gpu", "cpu", "options", "growth")
GROWTH = {"images": ((3, 3), (30, 3), (300, 3)), "phrases": ((6, 3), (6, 30))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--once", nargs=2, type=int, metavar=("IMAGES", "PHRASES"), help="one run, as JSON")
    given = parser.parse_args()
    _device.start(given.threads)
    if given.once:
        print(json.dumps(once(*given.once)))
        return
    print(f"On {machine()}.\n")
    if "gpu" in given.part:
        import _gpu

        _gpu.table(given.repeats)
    if "cpu" in given.part:
        cpu(given.repeats)
    if "options" in given.part:
        options(given.repeats)
    if "growth" in given.part:
        growth(given.threads)


def machine() -> str:
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{measuring.machine()}, {gpu}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def spatial(side: int | None = None, **speed: Any) -> sam2.Sam2:
    """The demo's SAM2, at another size of its input if `side` says so."""
    overrides = yaml.safe_load((DEMO / "sam2-demo.overrides.yaml").read_text())
    if side:
        overrides["model.image_size"] = side
    entry = {"config": "configs/sam2.1/sam2.1_hiera_t.yaml", "overrides": overrides, **speed}
    return sam2.open_model(entry, DEMO / "sam2-demo.pt", "cpu")


def concepts(side: int | None = None, **speed: Any) -> sam3.Sam3:
    """The demo's SAM3, likewise."""
    architecture = yaml.safe_load((DEMO / "sam3-demo.architecture.yaml").read_text())
    if side:
        architecture["size"] = side
    return sam3.open_model({"architecture": architecture, **speed}, DEMO / "sam3-demo.pt", "cpu")


def cpu(repeats: int, number: int = 4) -> None:
    print("## The demo's models on a CPU\n")
    print(
        "Images of 512 px. Seconds an image; how many times as long the package's loop takes, with RLEs and without.\n"
    )
    print("| model | input | asked | samgap | loop, RLEs | loop, none | with RLEs | without |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images, boxes = official.pictures(folder, number, 512, 512, BOXES)
        for side in (224, None):
            model: Any = spatial(side)
            mine = official.ours(model, images, folder, official.asked_boxes(images, boxes))
            loops = [official.sam2_loop(model, images, folder, boxes, keep) for keep in (True, False)]
            row("sam2-demo", model.model.image_size, f"{BOXES} boxes", number, *official.in_turn(repeats, mine, *loops))
        asked_at = [(side, phrases) for side in (224, None) for phrases in (official.PHRASES, official.PHRASES[:1])]
        for side, phrases in asked_at:
            model = concepts(side)
            thresholds = {(n, phrase): sam3.KEEP for n in images["image_id"] for phrase in phrases}
            mine = official.ours(model, images, folder, official.asked_phrases(images, phrases))
            loops = [official.sam3_loop(model, images, folder, phrases, thresholds, keep) for keep in (True, False)]
            asked = f"{len(phrases)} phrase{'s' * (len(phrases) > 1)}"
            row("sam3-demo", model.size, asked, number, *official.in_turn(repeats, mine, *loops))
    print()


def row(model: str, side: int, asked: str, images: int, times: list[float], ratios: list[float]) -> None:
    spent = " | ".join(f"{each / images:.3f}" for each in times)
    print(f"| {model} | {side} px | {asked} | {spent} | {ratios[1]:.2f} | {ratios[2]:.2f} |", flush=True)


def options(repeats: int) -> None:
    print("## Options for speed on a CPU\n")
    print("One image of 512 px encoded, ms; and how many times as long as without the option.\n")
    print("| model | plain | `precision: bf16` | `channels-last: true` |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        images, _ = official.pictures(Path(name), 1, 512, 512, BOXES)
        picture = official.picture(Path(name), images)
    for title, family in (("sam2-demo", spatial), ("sam3-demo", concepts)):
        models = [family(**more) for more in ({}, {"precision": "bf16"}, {"channels-last": True})]
        times, ratios = official.in_turn(repeats, *(functools.partial(one.encode, picture) for one in models))
        told = [f"{1e3 * each:.0f} ({ratio:.2f})" for each, ratio in zip(times[1:], ratios[1:], strict=True)]
        print(f"| {title} | {1e3 * times[0]:.0f} | {' | '.join(told)} |", flush=True)
    print()


def growth(threads: int) -> None:
    """Each in a process of its own, for its memory."""
    print("## More images, more phrases\n")
    print("sam3-demo, images of 512 px. Processor seconds, without those of loading the model.\n")
    print("| images | phrases | s | ms an image | peak memory, MB |\n|---|---|---|---|---|")
    for images, phrases in dict.fromkeys([*GROWTH["images"], *GROWTH["phrases"]]):
        asked = ["--once", str(images), str(phrases), "--threads", str(threads)]
        told = json.loads(subprocess.run([sys.executable, __file__, *asked], check=True, stdout=-1).stdout)
        each = 1e3 * told["s"] / images
        print(f"| {images} | {phrases} | {told['s']:.1f} | {each:.0f} | {told['mb']:.0f} |", flush=True)
    print()


def once(number: int, many: int) -> dict[str, float]:
    from samgap.predictions.chunks import Chunks
    from samgap.predictions.shard import predict

    phrases = [f"{official.PHRASES[n % 20]} {n // 20 or ''}".strip() for n in range(many)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images, _ = official.pictures(folder, min(number, 6), 512, 512, BOXES)
        images = images.iloc[[n % len(images) for n in range(number)]].assign(image_id=range(number))
        prompts, model = official.asked_phrases(images, phrases), concepts()
        started = time.process_time()
        chunks = Chunks(folder / "aside", {})
        predict(model, images, folder, prompts, "cpu", chunks)
        chunks.write(folder / "masks.parquet", folder / "timing.parquet", {})
        spent = time.process_time() - started
    return {"s": spent, "mb": measuring.peak_mb()}


if __name__ == "__main__":
    main()
