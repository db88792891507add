"""Measure how many images of `orchard-sim` one core makes per second: rendered, encoded as JPEG and RLE, and written.

    PYTHONPATH=src python benchmarks/orchard_sim.py --scenes 40 --size 512 --at-least 8

Prints images a second of wall-clock time and of processor time, which does not depend on other load, for single images
and for the frames of sequences. Exits with 1 if single images are slower than `--at-least` by processor time.
"""

import os

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import argparse
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from samgap.datasets import orchard_sim
from samgap.datasets.write import write_dataset


def measure_throughput(options: Mapping[str, int]) -> tuple[float, float]:
    """Return images a second of wall-clock time and of processor time."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("images", "instances.json", "images.parquet")]
        images = orchard_sim.iter_images(options, {}, seed=0)
        wall, processor = time.perf_counter(), time.process_time()
        counts = write_dataset(images, orchard_sim.describe_labels(options), *paths, dataset="benchmark")
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return counts["n_images"] / wall, counts["n_images"] / processor


def main() -> int:
    """Run the benchmark; return 1 if it is too slow."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=40, help="number of single images (default 40)")
    parser.add_argument("--size", type=int, default=512, help="side of an image, px (default 512)")
    parser.add_argument("--at-least", type=float, default=0, help="required images a second")
    arguments = parser.parse_args()
    measure_throughput({"scenes": 2, "size": 64})  # warm-up: imports and caches
    single = measure_throughput({"scenes": arguments.scenes, "size": arguments.size})
    frames = measure_throughput({"scenes": max(arguments.scenes // 20, 1), "size": arguments.size, "frames": 10})
    for name, (wall, processor) in {"images": single, "frames": frames}.items():
        print(f"{name}: {wall:.1f} a second, {processor:.1f} a second of processor time ({arguments.size} px)")
    return int(single[1] < arguments.at_least)


if __name__ == "__main__":
    raise SystemExit(main())
