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

from samgap.models.runtime.precision import Precision
from samgap.models.sam2 import image as sam2
from samgap.models.sam3 import build
from samgap.models.sam3 import image as sam3

WIDTH, HEIGHT = 1280, 720
MASKS_PER_PHRASE, BOXES_PER_IMAGE = 40, 40
SAM2_LARGE = {"config": "configs/sam2.1/sam2.1_hiera_l.yaml"}
NOT_MEASURED = "not measured: no GPU"
TARGETS = {
    "SAM3, 20 phrases an image, against the loop": "at least 3 times",
    "SAM3, one phrase an image": "at most 30 ms",
    "SAM2.1-large, 40 boxes an image, against the loop": "at least 5 times",
    "SAM3's encoder, share of the measured ceiling": "told",
    "SAM2.1-large's encoder, share of the measured ceiling": "told",
    "idle share of the GPU, 500 images with masks written": "less than 15 %",
}


def print_table(n_repeats: int, precision: str = "bf16") -> None:
    print(f"## The published models on one GPU, random weights, images of {WIDTH}x{HEIGHT} px, {precision}\n")
    print("| what | goal | measured |\n|---|---|---|")
    found = dict.fromkeys(TARGETS, NOT_MEASURED)
    if torch.cuda.is_available():
        found = measure_rows("cuda", n_repeats, Precision(precision))
    for what, goal in TARGETS.items():
        print(f"| {what} | {goal} | {found[what]} |")
    print()


def measure_rows(
    device: str, n_repeats: int, precision: Precision, n_images: int = 8, n_idle_images: int = 500
) -> dict[str, str]:
    """All rows, in the order of `GOALS`."""
    torch.manual_seed(0)
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table, boxes = official.draw_images(folder, n_images, WIDTH, HEIGHT, BOXES_PER_IMAGE)
        model: Any = build_sam3(device, precision)
        for phrases in (official.PHRASES, official.PHRASES[:1]):
            thresholds = official.find_score_thresholds(model, table, folder, phrases, MASKS_PER_PHRASE)
            loops = [official.make_sam3_loop(model, table, folder, phrases, thresholds, keep) for keep in (True, False)]
            prompts = official.make_phrase_prompts(table, phrases)
            found.append(
                format_times(
                    n_images,
                    *official.time_interleaved(
                        n_repeats, official.make_samgap_run(model, table, folder, prompts), *loops
                    ),
                )
            )
        long_table = table.iloc[[n % n_images for n in range(n_idle_images)]].assign(image_id=range(n_idle_images))
        idle = measure_idle_share(model, long_table, folder)
        shares = [
            measure_compute_utilization(
                lambda: model.model.backbone.forward_image(make_random_image(model.image_size, device)),
                device,
                precision,
            )
        ]
        del model
        model = build_sam2(device, precision)
        loops = [official.make_sam2_loop(model, table, folder, boxes, keep) for keep in (True, False)]
        prompts = official.make_box_prompts(table, boxes)
        found.append(
            format_times(
                n_images,
                *official.time_interleaved(n_repeats, official.make_samgap_run(model, table, folder, prompts), *loops),
            )
        )
        side = model.model.image_size
        shares.append(
            measure_compute_utilization(
                lambda: model.model.forward_image(make_random_image(side, device)), device, precision
            )
        )
    return dict(zip(TARGETS, [*found, *shares, idle], strict=True))


def format_times(n_images: int, seconds_per_run: list[float], ratios: list[float]) -> str:
    mine, kept, dropped = (1e3 * each / n_images for each in seconds_per_run)
    return (
        f"{mine:.0f} ms an image; loop with RLEs {kept:.0f} ({ratios[1]:.1f} times), without {dropped:.0f} "
        f"({ratios[2]:.1f} times)"
    )


def build_sam3(device: str, precision: Precision) -> sam3.Sam3:
    """The published SAM3 with random weights; what the package leaves uninitialised is initialised."""
    model = build.build_published(device)
    encoder = model.backbone.language_backbone.encoder
    torch.nn.init.normal_(encoder.positional_embedding, std=0.01)
    torch.nn.init.normal_(encoder.text_projection, std=encoder.width**-0.5)
    return sam3.Sam3(model.to(device).eval(), sam3.PUBLISHED_IMAGE_SIZE, device, precision)


def build_sam2(device: str, precision: Precision) -> sam2.Sam2:
    return sam2.Sam2(sam2.build_model(SAM2_LARGE, device).eval(), precision)


def make_random_image(side_px: int, device: str) -> torch.Tensor:
    return torch.rand(1, 3, side_px, side_px, device=device)


def measure_compute_utilization(run_encoder: Any, device: str, precision: Precision, n_repeats: int = 20) -> str:
    """Operations a second of an encoder, to those of one large matrix product in the same numbers."""
    with torch.inference_mode(), precision.autocast(device):
        with FlopCounterMode(display=False) as counter:
            run_encoder()
        spent = statistics.median(official.measure_seconds(run_encoder) for _ in range(n_repeats))
        one = torch.rand(8192, 8192, device=device)
        if precision.dtype == "bf16":
            one = one.bfloat16()
        product = statistics.median(official.measure_seconds(lambda: one @ one) for _ in range(n_repeats))
    reached, ceiling = counter.get_total_flops() / spent / 1e12, 2 * 8192**3 / product / 1e12
    return f"{100 * reached / ceiling:.0f} % ({reached:.0f} of {ceiling:.0f} TFLOP/s, {1e3 * spent:.1f} ms)"


def measure_idle_share(model: Any, images: Any, folder: Path) -> str:
    """Of a run into tables: the share of time in which no kernel ran, as the driver tells it every 100 ms."""
    from samgap.predictions.chunks import ChunkStore
    from samgap.predictions.shard import predict_shard

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
        chunks = ChunkStore(folder / "aside", {})
        predict_shard(model, images, folder, official.make_phrase_prompts(images, official.PHRASES), "cuda", chunks)
        chunks.write_tables(folder / "masks.parquet", folder / "timing.parquet", {})
    finally:
        over.set()
        watcher.join()
    spent = time.perf_counter() - started
    return f"{100 - statistics.mean(samples):.0f} % ({len(images)} images in {spent:.0f} s)"
