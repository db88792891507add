"""Average precision of masks or boxes over phrases, which are COCO's categories."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from samgap import ranking
from samgap.metrics import Sampler, Shared, _pairs
from samgap.tables import TAUS


@dataclass(frozen=True)
class AveragePrecision:
    """`what`: mask or box; `size`: all, small, medium or large; `taus`: places in `TAUS`; `limit`: of predictions."""

    what: str
    size: str = "all"
    taus: tuple[int, ...] = tuple(range(len(TAUS)))
    limit: int = ranking.DETECTIONS
    UNIT: str = "fraction"
    RANGE: tuple[float, float] = (0.0, 1.0)
    BY_PHRASE: bool = True
    BY_INSTANCE: bool = False

    def rests_on(self, pairs: pd.DataFrame) -> np.ndarray:
        return _pairs.phrases(pairs)

    def applies(self, pairs: pd.DataFrame) -> str | None:
        reason = _pairs.without_concept if self.what == "box" else _pairs.masked(_pairs.without_concept)
        if reason(pairs) or self.size == "all":
            return reason(pairs)
        some = _pairs.column(pairs, f"truth_{self.size}")[self.rests_on(pairs)].any()
        return None if some else f"not evaluable: no instance asked for is {self.size}"

    def sampler(self, pairs: pd.DataFrame, clusters: np.ndarray, shared: Shared | None = None) -> Sampler:
        number = "n_truth" if self.size == "all" else f"truth_{self.size}"
        known = {} if shared is None else shared
        phrases = []
        for _, rows in pairs.assign(cluster=clusters).groupby("phrase", sort=True):
            codes, found = rows["cluster"].to_numpy(), rows[f"hits_{self.what}_{self.size}"]
            order = ranking.Ranking(rows["scores"].tolist(), found.tolist(), codes, self.limit)
            positives = np.bincount(codes, weights=_pairs.column(rows, number), minlength=int(clusters.max()) + 1)
            # What is ranked alike has the same values, whichever metric or stratum asks.
            key = hashlib.sha256(order.hits.tobytes() + order.clusters.tobytes() + positives.tobytes()).digest()
            phrases.append((key, order, positives))

        def values(weights: np.ndarray) -> np.ndarray:
            total, count = np.zeros(len(weights)), np.zeros(len(weights))
            for key, order, positives in phrases:
                # Phrases that no image has (or none that is drawn) are no category.
                present = np.einsum("rc,c->r", weights[:, : len(positives)], positives)
                missing = [tau for tau in self.taus if (key, tau) not in known]
                if missing:
                    found = order.average_precision(weights, present, missing)
                    known.update(((key, tau), one) for tau, one in zip(missing, found, strict=True))
                for tau in self.taus:
                    total += np.nan_to_num(known[key, tau])
                    count += present > 0
            if shared is None:
                known.clear()
            return _pairs.ratio(total, count)

        return values


def variant(what: str, name: str) -> AveragePrecision:
    if name in ("50", "75"):
        return AveragePrecision(what, taus=(TAUS.index(int(name) / 100),))
    if name == "coco":
        return AveragePrecision(what, limit=ranking.COCO_DETECTIONS)
    return AveragePrecision(what, size=name or "all")
