"""How many orchard scenes one core makes in a second: drawn, encoded as JPEG, masks as RLE, all written to disk.

    PYTHONPATH=src python benchmarks/orchard_sim.py --scenes 40 --size 512 --at-least 8

Prints scenes a second by the wall clock (what a user waits) and by processor time (what a busy machine does not
change), for single images and for the frames of sequences. Exits with 1 if single images by processor time are
slower than `--at-least`.
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
    """Images a second by the wall clock and by processor time."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("images", "instances.json", "images.parquet")]
        pictures = orchard_sim.iter_images(options, {}, seed=0)
        wall, processor = time.perf_counter(), time.process_time()
        counts = write_dataset(pictures, orchard_sim.describe_labels(options), *paths, dataset="benchmark")
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return counts["n_images"] / wall, counts["n_images"] / processor


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=40, help="how many single images (default 40)")
    parser.add_argument("--size", type=int, default=512, help="side of an image, px (default 512)")
    parser.add_argument("--at-least", type=float, default=0, help="images a second that must be reached")
    asked = parser.parse_args()
    measure_throughput({"scenes": 2, "size": 64})  # imports and tables are loaded before the clock runs
    single = measure_throughput({"scenes": asked.scenes, "size": asked.size})
    frames = measure_throughput({"scenes": max(asked.scenes // 20, 1), "size": asked.size, "frames": 10})
    for name, (wall, processor) in {"images": single, "frames": frames}.items():
        print(f"{name}: {wall:.1f} a second, {processor:.1f} a second of processor time ({asked.size} px)")
    return int(single[1] < asked.at_least)


if __name__ == "__main__":
    raise SystemExit(main())
