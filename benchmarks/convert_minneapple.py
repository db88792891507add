"""Measure time and memory of the conversion of the train part of MinneApple.

    PYTHONPATH=src python benchmarks/convert_minneapple.py [--images 670] [--keep FOLDER]

Writes an archive like the published one (670 train images with about 28,000 apples, and half as many test images,
720 x 1280 px, PNG; 1.6 GB) from scenes of `orchard-sim`, then converts its train part in a separate process. The limits
are those of the project for two cores: three minutes and 1.5 GB.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from samgap.datasets import orchard_sim

WIDTH, HEIGHT = 720, 1280
APPLES_PER_IMAGE = 42  # 28,183 apples in 670 images
N_DISTINCT_IMAGES = 16
MAX_SECONDS, MAX_MEMORY_GB = 180, 1.5

CONVERT_SCRIPT = """
import sys
from pathlib import Path
from samgap.datasets import minneapple, write

archive, out = Path(sys.argv[1]), Path(sys.argv[2])
options = {"part": "train"}
images = minneapple.iter_images(options, {"images": archive}, 0)
paths = out / "images", out / "instances.json", out / "images.parquet"
print(write.write_dataset(images, minneapple.describe_labels(options), *paths, dataset="minneapple-train"))
"""


def draw_tree(seed: int) -> tuple[bytes, bytes]:
    """Return six dense scenes side by side as one PNG (1.6 MB), and the PNG mask of their largest fruit."""
    pixels, ids = np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    options = {"scenes": 6, "size": -(-HEIGHT // 3), "density": ["dense"], "seed": seed}
    masks = []
    for index, scene in enumerate(orchard_sim.iter_images(options, {}, 0)):
        top, left = divmod(index, 2)
        corner = np.s_[top * options["size"] :, left * WIDTH // 2 :]
        view = pixels[corner][: options["size"], : WIDTH // 2]
        view[:] = np.asarray(Image.open(io.BytesIO(scene.encoded_bytes)))[: view.shape[0], : view.shape[1]]
        for annotation in scene.annotations:
            mask = np.zeros((HEIGHT, WIDTH), bool)
            mask[corner][: view.shape[0], : view.shape[1]] = annotation.mask[: view.shape[0], : view.shape[1]]
            masks.append(mask)
    for value, mask in enumerate(sorted(masks, key=np.count_nonzero)[-APPLES_PER_IMAGE:], start=1):
        ids[mask] = value
    encoded = []
    for array in (pixels, ids):
        stream = io.BytesIO()
        Image.fromarray(array).save(stream, "PNG", compress_level=6)
        encoded.append(stream.getvalue())
    return encoded[0], encoded[1]


def write_archive(path: Path, n_images: int) -> None:
    """Write train images, train masks and test images in the order of the published archive."""
    pairs = [draw_tree(number) for number in range(min(N_DISTINCT_IMAGES, n_images))]
    train = [f"20150919_174151_image{number}.png" for number in range(n_images)]
    test = [f"dataset1_back_{number}.png" for number in range(n_images // 2)]
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for folder, names, index in (("train/images", train, 0), ("train/masks", train, 1), ("test/images", test, 0)):
            for number, name in enumerate(names):
                content = pairs[number % len(pairs)][index]
                member = tarfile.TarInfo(f"detection/{folder}/{name}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def main() -> int:
    """Run the benchmark; return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=670, help="number of train images (default: that of MinneApple)")
    parser.add_argument("--keep", type=Path, help="folder that keeps the archive for the next run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / f"minneapple-{options.images}.tar.gz"
        if not archive.is_file():
            write_archive(archive, options.images)
        start = time.perf_counter()
        command = [sys.executable, "-c", CONVERT_SCRIPT, str(archive), str(Path(temporary) / "out")]
        process = subprocess.run(command, capture_output=True, encoding="utf-8", check=True)
        seconds = time.perf_counter() - start
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = {
            "archive_gb": round(archive.stat().st_size / 1e9, 2),
            "converted": process.stdout.strip(),
            "seconds": round(seconds, 1),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
            "peak_gb": round(usage.ru_maxrss * 1024 / 1e9, 3),
            "cores": len(os.sched_getaffinity(0)),
            "load_before_and_now": [round(value, 1) for value in os.getloadavg()[:2]],
        }
        print(json.dumps(result, indent=1))
        # The time limit is proportional to the number of images.
        is_within_limits = seconds <= MAX_SECONDS * options.images / 670 and result["peak_gb"] <= MAX_MEMORY_GB
        print(f"{'within' if is_within_limits else 'OVER'} {MAX_SECONDS} s for 670 images and {MAX_MEMORY_GB} GB")
    return 0 if is_within_limits else 1


if __name__ == "__main__":
    sys.exit(main())
