"""The part of inference.py for one GPU: the published models with random weights, at full size.

Random weights take the same time as trained ones, except that the number of masks differs. Therefore the 40 best masks
of each phrase are returned, whatever their score; the thresholds of the loop are set to give the same masks.
"""

import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# isort: split
import _official as official
import torch
from torch.utils.flop_counter import FlopCounterMode

from samgap.models.runtime.precision import Precision
from samgap.models.sam2 import image as sam2
from samgap.models.sam3 import image as sam3
from samgap.models.sam3.build import build_published

WIDTH, HEIGHT = 1280, 720
MASKS_PER_PHRASE, BOXES_PER_IMAGE = 40, 40
SAM2_LARGE = {"config": "configs/sam2.1/sam2.1_hiera_l.yaml"}
NOT_MEASURED = "not measured: no GPU"
TARGETS = {
    "SAM3, 20 phrases per image, against the loop": "at least 3 times",
    "SAM3, one phrase per image": "at most 30 ms",
    "SAM2.1-large, 40 boxes per image, against the loop": "at least 5 times",
    "SAM3's encoder, share of the peak of matrix products": "reported",
    "SAM2.1-large's encoder, share of the peak of matrix products": "reported",
    "idle share of the GPU, 500 images with masks written": "less than 15 %",
}


def print_table(n_repeats: int, precision: str = "bf16") -> None:
    """Print the table as Markdown; without a GPU its rows say so."""
    print(f"## The published models on one GPU, random weights, images of {WIDTH}x{HEIGHT} px, {precision}\n")
    print("| measurement | target | result |\n|---|---|---|")
    results = dict.fromkeys(TARGETS, NOT_MEASURED)
    if torch.cuda.is_available():
        results = measure_rows("cuda", n_repeats, Precision(precision))
    for measurement, target in TARGETS.items():
        print(f"| {measurement} | {target} | {results[measurement]} |")
    print()


def measure_rows(
    device: str, n_repeats: int, precision: Precision, n_images: int = 8, n_idle_images: int = 500
) -> dict[str, str]:
    """Return the results by the keys of `TARGETS`."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images, boxes = official.draw_images(folder, n_images, WIDTH, HEIGHT, BOXES_PER_IMAGE)
        model: Any = build_sam3(device, precision)
        phrase_times = [
            measure_sam3(model, images, folder, phrases, n_repeats)
            for phrases in (official.PHRASES, official.PHRASES[:1])
        ]
        many_images = images.iloc[[n % n_images for n in range(n_idle_images)]].assign(image_id=range(n_idle_images))
        idle_share = measure_idle_share(model, many_images, folder)
        sam3_utilization = measure_compute_utilization(
            model.model.backbone.forward_image, model.image_size, device, precision
        )
        del model
        model = build_sam2(device, precision)
        box_times = measure_sam2(model, images, folder, boxes, n_repeats)
        sam2_utilization = measure_compute_utilization(
            model.model.forward_image, model.model.image_size, device, precision
        )
    results = [*phrase_times, box_times, sam3_utilization, sam2_utilization, idle_share]
    return dict(zip(TARGETS, results, strict=True))


def measure_sam3(model: Any, images: Any, folder: Path, phrases: tuple[str, ...], n_repeats: int) -> str:
    """Return the times of samgap and of both loops with the phrases for each image."""
    thresholds = official.find_score_thresholds(model, images, folder, phrases, MASKS_PER_PHRASE)
    samgap = official.make_samgap_run(model, images, folder, official.make_phrase_prompts(images, phrases))
    loops = [
        official.make_sam3_loop(model, images, folder, phrases, thresholds, encode_rles)
        for encode_rles in (True, False)
    ]
    return format_times(len(images), *official.time_interleaved(n_repeats, samgap, *loops))


def measure_sam2(model: Any, images: Any, folder: Path, boxes: list[Any], n_repeats: int) -> str:
    """Return the times of samgap and of both loops with the boxes of each image."""
    samgap = official.make_samgap_run(model, images, folder, official.make_box_prompts(images, boxes))
    loops = [official.make_sam2_loop(model, images, folder, boxes, encode_rles) for encode_rles in (True, False)]
    return format_times(len(images), *official.time_interleaved(n_repeats, samgap, *loops))


def format_times(n_images: int, seconds_per_run: list[float], ratios: list[float]) -> str:
    """Return the times of samgap, of the loop with RLEs and of the loop without, as one cell of the table."""
    samgap_ms, rle_loop_ms, bare_loop_ms = (1e3 * seconds / n_images for seconds in seconds_per_run)
    return (
        f"{samgap_ms:.0f} ms per image; loop with RLEs {rle_loop_ms:.0f} ({ratios[1]:.1f} times), without "
        f"{bare_loop_ms:.0f} ({ratios[2]:.1f} times)"
    )


def build_sam3(device: str, precision: Precision) -> sam3.Sam3:
    """Return the published SAM3 with random weights."""
    model = build_published(device)
    # The package leaves these uninitialized.
    encoder = model.backbone.language_backbone.encoder
    torch.nn.init.normal_(encoder.positional_embedding, std=0.01)
    torch.nn.init.normal_(encoder.text_projection, std=encoder.width**-0.5)
    return sam3.Sam3(model.to(device).eval(), sam3.PUBLISHED_IMAGE_SIZE, device, precision)


def build_sam2(device: str, precision: Precision) -> sam2.Sam2:
    """Return SAM2.1-large with random weights."""
    return sam2.Sam2(sam2.build_model(SAM2_LARGE, device).eval(), precision)


def measure_compute_utilization(
    encode: Callable[[torch.Tensor], Any], side_px: int, device: str, precision: Precision, n_repeats: int = 20
) -> str:
    """Return the operations per second of an encoder relative to those of one large matrix product.

    Args:
        encode: takes an image batch (1, 3, side_px, side_px).
        side_px: side of the encoder's input.
        device: `cpu` or `cuda`.
        precision: number format of both.
        n_repeats: number of runs of each, of which the median counts.
    """

    def run_encoder() -> None:
        encode(torch.rand(1, 3, side_px, side_px, device=device))

    with torch.inference_mode(), precision.autocast(device):
        with FlopCounterMode(display=False) as counter:
            run_encoder()
        encoder_seconds = statistics.median(official.measure_seconds(run_encoder) for _ in range(n_repeats))
        matrix = torch.rand(8192, 8192, device=device)
        if precision.dtype == "bf16":
            matrix = matrix.bfloat16()
        product_seconds = statistics.median(official.measure_seconds(lambda: matrix @ matrix) for _ in range(n_repeats))
    encoder_tflops = counter.get_total_flops() / encoder_seconds / 1e12
    peak_tflops = 2 * 8192**3 / product_seconds / 1e12
    return (
        f"{100 * encoder_tflops / peak_tflops:.0f} % ({encoder_tflops:.0f} of {peak_tflops:.0f} TFLOP/s, "
        f"{1e3 * encoder_seconds:.1f} ms)"
    )


def measure_idle_share(model: Any, images: Any, folder: Path) -> str:
    """Return the share of time without a running kernel, as the driver reports it every 100 ms, of a whole shard."""
    from samgap.predictions.chunks import ChunkStore
    from samgap.predictions.shard import predict_shard

    utilization_percent: list[float] = []
    finished = threading.Event()

    def sample_utilization() -> None:
        command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--loop-ms=100"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as process:
            assert process.stdout is not None
            for line in process.stdout:
                utilization_percent.append(float(line.split()[0]))
                if finished.is_set():
                    process.terminate()
                    break

    sampler = threading.Thread(target=sample_utilization)
    sampler.start()
    started = time.perf_counter()
    try:
        chunks = ChunkStore(folder / "chunks", {})
        predict_shard(model, images, folder, official.make_phrase_prompts(images, official.PHRASES), "cuda", chunks)
        chunks.write_tables(folder / "masks.parquet", folder / "timing.parquet", {})
    finally:
        finished.set()
        sampler.join()
    seconds = time.perf_counter() - started
    return f"{100 - statistics.mean(utilization_percent):.0f} % ({len(images)} images in {seconds:.0f} s)"
