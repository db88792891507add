"""Reference values of the metrics at other score thresholds than the official one, by plain loops."""

import numpy as np
import torch
from torchmetrics.functional.classification import binary_matthews_corrcoef

from samgap.tables.matching import SCORE_THRESHOLDS
from tests.helpers.reference import CHOSEN_SCORE
from tests.helpers.reference_values import ReferenceValues, compute_pmf1, compute_ratios, count


class AllReferenceValues(ReferenceValues):
    """The values of all metrics of a shard, by metric id."""

    def __init__(self, shard):
        super().__init__(shard)
        self.values |= self.sweeps() | self.chosen()

    def sweeps(self):
        """Compute precision, recall and F1 at each score, and the best and mean F1."""
        values, f1 = {}, []
        for score in SCORE_THRESHOLDS:
            ratios = compute_ratios([count(result) for result in self.shard.iter_results("phrase", min_score=score)])
            values |= {f"{name}-score-{round(100 * score):02d}": value for name, value in ratios.items()}
            f1.append(ratios["f1"])
        return values | {"f1-sweep-best": max(f1), "f1-sweep-mean": np.mean(f1)}

    def chosen(self):
        """Compute the metrics at the chosen score."""
        results = list(self.shard.iter_results("phrase", min_score=CHOSEN_SCORE))
        ratios = compute_ratios([count(result) for result in results])
        near = compute_ratios([self.count_near_labels(result) for result in results])
        presence = [[len(part) > 0 for part in (result.masks, result.instances)] for result in results]
        il_mcc = float(binary_matthews_corrcoef(*torch.tensor(presence).T))
        values = {
            "precision": ratios["precision"],
            "recall": ratios["recall"],
            "f1-50": ratios["f1"],
            "precision-near-labels": near["precision"],
            "f1-50-near-labels": near["f1"],
            "pmf1": compute_pmf1(results),
            "il-mcc": il_mcc,
            "cgf1": 100 * compute_pmf1(results) * il_mcc,
        }
        return {f"{metric}-chosen": value for metric, value in values.items()}
