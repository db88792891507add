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


def asked(pairs: pd.DataFrame) -> np.ndarray:
    return _pairs.phrases(pairs) & pairs["level"].notna().to_numpy(bool)


def iou(pairs: pd.DataFrame) -> np.ndarray:
    found = _pairs.ratio(_pairs.column(pairs, "common_px"), coverage.union(pairs))
    return np.where(np.isnan(found), 1.0, found)


def above(pairs: pd.DataFrame) -> np.ndarray:
    return (iou(pairs) > 0.5).astype(np.float64)


def variant(name: str) -> _ratio.Ratio:
    applies = _pairs.masked(_pairs.tagged(asked, "no phrase is tagged as an instruction"))
    parts = {"giou": (iou, _ratio.one), "ciou": (_ratio.of("common_px"), coverage.union), "p50": (above, _ratio.one)}
    return _ratio.Ratio(*parts[name], asked, applies)
