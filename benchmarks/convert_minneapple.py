"""How long the conversion of MinneApple's train part takes, and how much memory.

    PYTHONPATH=src python benchmarks/convert_minneapple.py [--images 670] [--keep FOLDER]

Makes an archive like the published one (670 train images with some 28,000 apples, and half as many test images,
720 x 1280 px, PNG; 1.6 GB) from scenes of `orchard-sim`, then converts its train part in a process of its own. The
limits are those that the project promises on two cores: three minutes and 1.5 GB.
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
APPLES_PER_IMAGE = 42  # of 28,183 / 670
N_DISTINCT_IMAGES = 16
MAX_SECONDS, MAX_MEMORY_GB = 180, 1.5

CONVERT_SCRIPT = """
import sys
from pathlib import Path
from samgap.datasets import write as _write
from samgap.datasets import minneapple

archive, out = Path(sys.argv[1]), Path(sys.argv[2])
options = {"part": "train"}
pictures = minneapple.iter_images(options, {"images": archive}, 0)
paths = out / "images", out / "instances.json", out / "images.parquet"
print(write.write_dataset(pictures, minneapple.describe_labels(options), *paths, dataset="minneapple-train"))
"""


def draw_tree(seed: int) -> tuple[bytes, bytes]:
    """Six dense scenes side by side as one photograph (1.6 MB), and the mask of their APPLES largest fruits."""
    pixels, ids = np.zeros((HEIGHT, WIDTH, 3), np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    options = {"scenes": 6, "size": -(-HEIGHT // 3), "density": ["dense"], "seed": seed}
    masks = []
    for place, scene in enumerate(orchard_sim.iter_images(options, {}, 0)):
        top, left = divmod(place, 2)
        at = np.s_[top * options["size"] :, left * WIDTH // 2 :]
        view = pixels[at][: options["size"], : WIDTH // 2]
        view[:] = np.asarray(Image.open(io.BytesIO(scene.encoded_bytes)))[: view.shape[0], : view.shape[1]]
        for label in scene.annotations:
            mask = np.zeros((HEIGHT, WIDTH), bool)
            mask[at][: view.shape[0], : view.shape[1]] = label.mask[: view.shape[0], : view.shape[1]]
            masks.append(mask)
    for value, mask in enumerate(sorted(masks, key=np.count_nonzero)[-APPLES_PER_IMAGE:], start=1):
        ids[mask] = value
    found = []
    for array in (pixels, ids):
        stream = io.BytesIO()
        Image.fromarray(array).save(stream, "PNG", compress_level=6)
        found.append(stream.getvalue())
    return found[0], found[1]


def write_archive(path: Path, n_images: int) -> None:
    """The archive: train images, train masks, test images, as the published one has them."""
    pairs = [draw_tree(number) for number in range(min(N_DISTINCT_IMAGES, n_images))]
    train = [f"20150919_174151_image{number}.png" for number in range(n_images)]
    test = [f"dataset1_back_{number}.png" for number in range(n_images // 2)]
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for folder, names, place in (("train/images", train, 0), ("train/masks", train, 1), ("test/images", test, 0)):
            for number, name in enumerate(names):
                data = pairs[number % len(pairs)][place]
                entry = tarfile.TarInfo(f"detection/{folder}/{name}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=670, help="train images (default: as many as MinneApple has)")
    parser.add_argument("--keep", type=Path, help="a folder for the archive, so that the next run finds it there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        archive = folder / f"minneapple-{options.images}.tar.gz"
        if not archive.is_file():
            write_archive(archive, options.images)
        begun = time.perf_counter()
        command = [sys.executable, "-c", CONVERT_SCRIPT, str(archive), str(Path(temporary) / "out")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - begun
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        result = {
            "archive_gb": round(archive.stat().st_size / 1e9, 2),
            "converted": done.stdout.strip(),
            "seconds": round(seconds, 1),
            "cpu_seconds": round(used.ru_utime + used.ru_stime, 1),
            "peak_gb": round(used.ru_maxrss * 1024 / 1e9, 3),
            "cores": len(os.sched_getaffinity(0)),
            "load_before_and_now": [round(value, 1) for value in os.getloadavg()[:2]],
        }
        print(json.dumps(result, indent=1))
        # Fewer images must take as much less.
        within = seconds <= MAX_SECONDS * options.images / 670 and result["peak_gb"] <= MAX_MEMORY_GB
        print(f"{'within' if within else 'OVER'} {MAX_SECONDS} s for 670 images and {MAX_MEMORY_GB} GB")
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
