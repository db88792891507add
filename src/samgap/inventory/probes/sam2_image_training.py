"""Whether SAM2's training code trains on single images: its reader of SA-1B, on an image of a temporary folder."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from training.dataset.vos_raw_dataset import SA1BRawDataset

from samgap.inventory.probes import Measurement

EVIDENCE = "training/dataset/vos_raw_dataset.py: SA1BRawDataset"


def measure() -> Iterator[Measurement]:
    """Yield the number of frames of the video that the reader makes of an image."""
    with tempfile.TemporaryDirectory() as folder:
        Image.new("RGB", (8, 8)).save(Path(folder) / "sa_1.jpg")
        (Path(folder) / "sa_1.json").write_text('{"annotations": []}', encoding="utf-8")
        video, _ = SA1BRawDataset(img_folder=folder, gt_folder=folder).get_video(0)
    yield Measurement("frames-of-an-image", len(video.frames), "frames", EVIDENCE, "sam2", "an image is a video")
