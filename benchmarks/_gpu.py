"""The part of inference.py for one GPU: the published models with random weights, at full size.

Random weights take as long as trained ones but for what is kept: so of every phrase the best 40 masks are, whatever
their score, in the loop too, whose thresholds are set to those scores beforehand.
"""

import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

# isort: split
import _official as official
import torch
from torch.utils.flop_counter import FlopCounterMode

from samgap.models import _sam3_build, sam2, sam3
from samgap.models._speed import Speed

WIDTH, HEIGHT = 1280, 720
MASKS, BOXES = 40, 40
LARGE = {"config": "configs/sam2.1/sam2.1_hiera_l.yaml"}
NONE = "not measured: no GPU"
GOALS = {
    "SAM3, 20 phrases an image, against the loop": "at least 3 times",
    "SAM3, one phrase an image": "at most 30 ms",
    "SAM2.1-large, 40 boxes an image, against the loop": "at least 5 times",
    "SAM3's encoder, share of the measured ceiling": "told",
    "SAM2.1-large's encoder, share of the measured ceiling": "told",
    "idle share of the GPU, 500 images with masks written": "less than 15 %",
}


def table(repeats: int, precision: str = "bf16") -> None:
    print(f"## The published models on one GPU, random weights, images of {WIDTH}x{HEIGHT} px, {precision}\n")
    print("| what | goal | measured |\n|---|---|---|")
    found = dict.fromkeys(GOALS, NONE)
    if torch.cuda.is_available():
        found = measured("cuda", repeats, Speed(precision))
    for what, goal in GOALS.items():
        print(f"| {what} | {goal} | {found[what]} |")
    print()


def measured(device: str, repeats: int, speed: Speed, images: int = 8, long: int = 500) -> dict[str, str]:
    """All rows, in the order of `GOALS`."""
    torch.manual_seed(0)
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table, boxes = official.pictures(folder, images, WIDTH, HEIGHT, BOXES)
        model: Any = concepts(device, speed)
        for phrases in (official.PHRASES, official.PHRASES[:1]):
            thresholds = official.best(model, table, folder, phrases, MASKS)
            loops = [official.sam3_loop(model, table, folder, phrases, thresholds, keep) for keep in (True, False)]
            prompts = official.asked_phrases(table, phrases)
            found.append(told(images, *official.in_turn(repeats, official.ours(model, table, folder, prompts), *loops)))
        long_table = table.iloc[[n % images for n in range(long)]].assign(image_id=range(long))
        idle = idle_share(model, long_table, folder)
        shares = [ceiling_share(lambda: model.model.backbone.forward_image(square(model.size, device)), device, speed)]
        del model
        model = spatial(device, speed)
        loops = [official.sam2_loop(model, table, folder, boxes, keep) for keep in (True, False)]
        prompts = official.asked_boxes(table, boxes)
        found.append(told(images, *official.in_turn(repeats, official.ours(model, table, folder, prompts), *loops)))
        side = model.model.image_size
        shares.append(ceiling_share(lambda: model.model.forward_image(square(side, device)), device, speed))
    return dict(zip(GOALS, [*found, *shares, idle], strict=True))


def told(images: int, times: list[float], ratios: list[float]) -> str:
    mine, kept, dropped = (1e3 * each / images for each in times)
    return (
        f"{mine:.0f} ms an image; loop with RLEs {kept:.0f} ({ratios[1]:.1f} times), without {dropped:.0f} "
        f"({ratios[2]:.1f} times)"
    )


def concepts(device: str, speed: Speed) -> sam3.Sam3:
    """The published SAM3 with random weights; what the package leaves uninitialised is initialised."""
    model = _sam3_build.official(device)
    encoder = model.backbone.language_backbone.encoder
    torch.nn.init.normal_(encoder.positional_embedding, std=0.01)
    torch.nn.init.normal_(encoder.text_projection, std=encoder.width**-0.5)
    return sam3.Sam3(model.to(device).eval(), sam3.PUBLISHED_SIZE, device, speed)


def spatial(device: str, speed: Speed) -> sam2.Sam2:
    return sam2.Sam2(sam2.build(LARGE, device).eval(), speed)


def square(side: int, device: str) -> torch.Tensor:
    return torch.rand(1, 3, side, side, device=device)


def ceiling_share(encode: Any, device: str, speed: Speed, repeats: int = 20) -> str:
    """Operations a second of an encoder, to those of one large matrix product in the same numbers."""
    with torch.inference_mode(), speed.numbers(device):
        with FlopCounterMode(display=False) as counter:
            encode()
        spent = statistics.median(official.seconds(encode) for _ in range(repeats))
        one = torch.rand(8192, 8192, device=device)
        if speed.precision == "bf16":
            one = one.bfloat16()
        product = statistics.median(official.seconds(lambda: one @ one) for _ in range(repeats))
    reached, ceiling = counter.get_total_flops() / spent / 1e12, 2 * 8192**3 / product / 1e12
    return f"{100 * reached / ceiling:.0f} % ({reached:.0f} of {ceiling:.0f} TFLOP/s, {1e3 * spent:.1f} ms)"


def idle_share(model: Any, images: Any, folder: Path) -> str:
    """Of a run into tables: the share of time in which no kernel ran, as the driver tells it every 100 ms."""
    from samgap.predictions.chunks import Chunks
    from samgap.predictions.shard import predict

    samples: list[float] = []
    over = threading.Event()

    def watch() -> None:
        asked = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop-ms=100"]
        with subprocess.Popen(asked, stdout=subprocess.PIPE, text=True) as driver:
            assert driver.stdout is not None
            for line in driver.stdout:
                samples.append(float(line.split()[0]))
                if over.is_set():
                    driver.terminate()
                    break

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    try:
        chunks = Chunks(folder / "aside", {})
        predict(model, images, folder, official.asked_phrases(images, official.PHRASES), "cuda", chunks)
        chunks.write(folder / "masks.parquet", folder / "timing.parquet", {})
    finally:
        over.set()
        watcher.join()
    spent = time.perf_counter() - started
    return f"{100 - statistics.mean(samples):.0f} % ({len(images)} images in {spent:.0f} s)"
