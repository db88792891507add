"""Real orchard photographs, packed as MinneApple publishes its own: what the `minneapple` kind reads."""

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

VIDEO_NAMES = ("20150919_174151", "20150921_131234", "20150921_131729")
"""Names for the train part's groups: one that the paper's configuration trains on, and the two it holds out."""


def find_real_data() -> Path:
    """The folder `orchard-real` of `SAMGAP_REAL_DATA` (default `../shared/data`); skips the test without it."""
    folder = (ROOT / os.environ.get("SAMGAP_REAL_DATA", "../shared/data")).resolve() / "orchard-real"
    if not (folder / "instances.csv").is_file():
        pytest.skip(f"no real photographs at {folder}: set SAMGAP_REAL_DATA to the folder that holds orchard-real")
    return folder


def pack_minneapple(real_dir: Path, out_dir: Path) -> dict[str, Path]:
    """Pack all of `orchard-real` as the test part and its first six tiles as the train part.

    A train tile is named as a picture of a video (two tiles in each of VIDEOS). Returns the two
    archives by their role: `images` (detection.tar.gz) and `truth` (test_data.zip).
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    names = sorted(path.name for path in (real_dir / "images").glob("*.png"))
    found = {"images": out_dir / "detection.tar.gz", "truth": out_dir / "test_data.zip"}
    with tarfile.open(found["images"], "w:gz", compresslevel=1) as archive:
        for name in names:
            archive.add(real_dir / "images" / name, f"detection/test/images/{name}")
        for folder in ("images", "masks"):
            for number, name in enumerate(names[: 2 * len(VIDEO_NAMES)]):
                train = f"{VIDEO_NAMES[number // 2]}_image{number % 2 + 1}.png"
                archive.add(real_dir / folder / name, f"detection/train/{folder}/{train}")
    with zipfile.ZipFile(found["truth"], "w") as archive:
        for folder in ("images", "masks"):
            for name in names:
                archive.write(real_dir / folder / name, f"test_data/test_data/segmentation/{folder}/{name}")
    return found
