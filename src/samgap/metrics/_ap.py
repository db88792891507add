"""Average precision of masks or boxes over phrases, which are COCO's categories."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap.matching import coco
from samgap.metrics import Sampler, SharedCache, _pairs
from samgap.tables.matching import IOU_THRESHOLDS


@dataclass(frozen=True)
class AveragePrecision:
    """`what`: mask or box; `size`: all, small, medium or large; `taus`: places in `TAUS`; `limit`: of predictions."""

    iou_type: str
    size: str = "all"
    tau_indices: tuple[int, ...] = tuple(range(len(IOU_THRESHOLDS)))
    max_detections: int = coco.MAX_DETECTIONS
    UNIT: str = "fraction"
    RANGE: tuple[float, float] = (0.0, 1.0)
    BY_PHRASE: bool = True
    BY_INSTANCE: bool = False

    def row_mask(self, pairs: pd.DataFrame) -> np.ndarray:
        return _pairs.is_evaluable_phrase(pairs)

    def not_evaluable_reason(self, pairs: pd.DataFrame) -> str | None:
        reason = _pairs.no_phrase_reason if self.iou_type == "box" else _pairs.require_masks(_pairs.no_phrase_reason)
        if reason(pairs) or self.size == "all":
            return reason(pairs)
        some = _pairs.float_column(pairs, f"truth_{self.size}")[self.row_mask(pairs)].any()
        return None if some else f"not evaluable: no instance asked for is {self.size}"

    def sampler(self, pairs: pd.DataFrame, clusters: np.ndarray, cache: SharedCache | None = None) -> Sampler:
        number = "n_truth" if self.size == "all" else f"truth_{self.size}"
        known = {} if cache is None else cache
        phrases = []
        for _, rows in pairs.assign(cluster=clusters).groupby("phrase", sort=True):
            codes, found = rows["cluster"].to_numpy(), rows[f"hits_{self.iou_type}_{self.size}"]
            order = coco.RankedDetections(rows["scores"].tolist(), found.tolist(), codes, self.max_detections)
            positives = np.bincount(codes, weights=_pairs.float_column(rows, number), minlength=int(clusters.max()) + 1)
            # What is ranked alike has the same values, whichever metric or stratum asks.
            key = hashlib.sha256(order.hit_bits.tobytes() + order.clusters.tobytes() + positives.tobytes()).digest()
            phrases.append((key, order, positives))

        def values(weights: np.ndarray) -> np.ndarray:
            total, count = np.zeros(len(weights)), np.zeros(len(weights))
            for key, order, positives in phrases:
                # Phrases that no image has (or none that is drawn) are no category.
                present = np.einsum("rc,c->r", weights[:, : len(positives)], positives)
                missing = [tau for tau in self.tau_indices if (key, tau) not in known]
                if missing:
                    found = order.average_precision(weights, present, missing)
                    known.update(((key, tau), one) for tau, one in zip(missing, found, strict=True))
                for tau in self.tau_indices:
                    total += np.nan_to_num(known[key, tau])
                    count += present > 0
            if cache is None:
                known.clear()
            return _pairs.ratio(total, count)

        return values


def make_variant(iou_type: str, variant_id: str) -> AveragePrecision:
    if variant_id in ("50", "75"):
        return AveragePrecision(iou_type, tau_indices=(IOU_THRESHOLDS.index(int(variant_id) / 100),))
    if variant_id == "coco":
        return AveragePrecision(iou_type, max_detections=coco.COCO_MAX_DETECTIONS)
    return AveragePrecision(iou_type, size=variant_id or "all")
