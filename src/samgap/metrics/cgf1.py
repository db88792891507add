"""cgF1, the classification-gated F1: SAM3's main metric of promptable concept segmentation.

100 · pmF1 · IL_MCC. Not evaluable without a phrase that is absent from its image (IL_MCC would be 0). Undefined (NaN)
where pmF1 is undefined.

`cgf1-chosen` counts predictions of phrases from the chosen score threshold on (section `thresholds`).
"""

import numpy as np
import pandas as pd

from samgap.metrics import il_mcc, pmf1
from samgap.metrics.base import SufficientStatistics, SumMetric
from samgap.metrics.chosen_score import at_chosen_score
from samgap.metrics.operating_point import ALL_IOUS, EXCUSED_UNKNOWN, OperatingPoint
from samgap.metrics.reasons import no_negative_reason, require_masks
from samgap.metrics.row_masks import has_known_presence, is_present_phrase


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    """Return the statistics of pmF1, 0 for absent phrases, and of IL_MCC."""
    is_present = is_present_phrase(pairs)
    return {
        # The transposes broadcast the mask over statistics of shape (N,) and (N, 10).
        **{f"pmf1.{name}": (column.T * is_present).T for name, column in pmf1.sufficient_statistics(pairs).items()},
        **{f"il_mcc.{name}": column for name, column in il_mcc.sufficient_statistics(pairs).items()},
    }


def compute(sums: SufficientStatistics) -> np.ndarray:
    """Return cgF1 of summed statistics, float64 (R,)."""
    return 100 * pmf1.compute(statistics_of("pmf1", sums)) * il_mcc.compute(statistics_of("il_mcc", sums))


def statistics_of(name: str, sums: SufficientStatistics) -> SufficientStatistics:
    """Return the statistics of one of the factors, `pmf1` or `il_mcc`."""
    return {key.removeprefix(f"{name}."): total for key, total in sums.items() if key.startswith(f"{name}.")}


VARIANTS = ("", "chosen")

METRICS = {
    "": SumMetric(
        sufficient_statistics=sufficient_statistics,
        compute=compute,
        no_spread_reason=lambda sums: il_mcc.no_error_reason(statistics_of("il_mcc", sums)),
        row_mask=has_known_presence,
        not_evaluable_reason=require_masks(no_negative_reason),
        by_phrase=False,
        needs_exhaustive_labels=True,
        operating_point=OperatingPoint(ALL_IOUS, ignore=EXCUSED_UNKNOWN),
        higher_is_better=True,
        label="cgF1 (0–100)",
        source="sam3's `eval/cgf1_eval.py`; the factor of 100 as in the SAM3 paper",
        unit="points of 100",
        value_range=(-100.0, 100.0),
        decimals=1,
    )
}
METRICS["chosen"] = at_chosen_score(METRICS[""])
