"""Answers to instructions ("the apples that could be picked today"): all masks together against all that is meant.

`giou`: mean over images and instructions of the IoU of the union of all masks with the union of the instances meant,
none against none 1; `ciou`: Σ intersection / Σ union; `p50`: the share with an IoU above 0.5. Source: gIoU and cIoU
of referring segmentation (Liu et al. 2023, GRES; Lai et al. 2024, LISA); levels as in SAM3-I. Range 0 to 1. Not
evaluable where no phrase has a level.
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio, coverage

VARIANTS = ("giou", "ciou", "p50")


def is_instruction(pairs: pd.DataFrame) -> np.ndarray:
    return _pairs.is_evaluable_phrase(pairs) & pairs["level"].notna().to_numpy(bool)


def union_iou(pairs: pd.DataFrame) -> np.ndarray:
    found = _pairs.ratio(_pairs.float_column(pairs, "common_px"), coverage.union_px(pairs))
    return np.where(np.isnan(found), 1.0, found)


def is_union_iou_above_50(pairs: pd.DataFrame) -> np.ndarray:
    return (union_iou(pairs) > 0.5).astype(np.float64)


def variant(name: str) -> _ratio.Ratio:
    applies = _pairs.require_masks(_pairs.require_phrases(is_instruction, "no phrase is tagged as an instruction"))
    parts = {
        "giou": (union_iou, _ratio.constant),
        "ciou": (_ratio.column("common_px"), coverage.union_px),
        "p50": (is_union_iou_above_50, _ratio.constant),
    }
    return _ratio.Ratio(*parts[name], is_instruction, applies)
