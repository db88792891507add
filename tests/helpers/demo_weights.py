"""The options and weights of the demo's models, and small comparisons of predicted masks."""

from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pycocotools import mask as coco_mask

from samgap.models import Prediction

DEMO_DIR = Path(__file__).parents[2] / "config" / "demo"
SAM2_WEIGHTS, SAM3_WEIGHTS = DEMO_DIR / "sam2-demo.pt", DEMO_DIR / "sam3-demo.pt"
SAM2_OPTIONS: dict[str, Any] = {
    "config": "configs/sam2.1/sam2.1_hiera_t.yaml",
    "overrides": yaml.safe_load((DEMO_DIR / "sam2-demo.overrides.yaml").read_text(encoding="utf-8")),
}
SAM3_OPTIONS: dict[str, Any] = {
    "architecture": yaml.safe_load((DEMO_DIR / "sam3-demo.architecture.yaml").read_text(encoding="utf-8")),
    "interactive": True,
    "tracks": False,
}

SMALLER_ARCHITECTURE: dict[str, Any] = {**SAM3_OPTIONS["architecture"], "depth": 2, "size": 112}
"""A smaller SAM3, for random weights."""
_OWLV2_SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
OWLV2_OPTIONS: dict[str, Any] = {
    "architecture": {
        "text_config": _OWLV2_SIZES,
        "vision_config": {**_OWLV2_SIZES, "image_size": 96, "patch_size": 16},
        "projection_dim": 32,
    }
}
"""A small OWLv2, for random weights."""


def sam2_options(**overrides: Any) -> dict[str, Any]:
    """Return the options of the demo's SAM2 with further Hydra overrides; dots in keys are written as `__`."""
    changed = {key.replace("__", "."): value for key, value in overrides.items()}
    return {**SAM2_OPTIONS, "overrides": {**SAM2_OPTIONS["overrides"], **changed}}


def decode(prediction: Prediction, height: int, width: int) -> np.ndarray:
    """Return the mask of a prediction, bool (height, width)."""
    return coco_mask.decode({"size": [height, width], "counts": prediction.rle}).astype(bool)


def mask_iou(first: np.ndarray, second: np.ndarray) -> float:
    """Return the IoU of two masks; 0 if both are empty."""
    return (first & second).sum() / max((first | second).sum(), 1)


def encode_rectangle(height: int, width: int, rows: slice, columns: slice) -> bytes:
    """Return the compressed RLE counts of a rectangle in an image."""
    mask = np.zeros((height, width), np.uint8)
    mask[rows, columns] = 1
    return coco_mask.encode(np.asfortranarray(mask))["counts"]


def draw_square(height: int, width: int) -> np.ndarray:
    """Return a red rectangle on noise, uint8 (height, width, 3)."""
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    pixels[20:45, 30:60] = (200, 30, 30)
    return pixels
