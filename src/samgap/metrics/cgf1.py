"""cgF1, the classification-gated F1: SAM3's headline measure of promptable concept segmentation.

100 · pmF1 · IL_MCC. Source: sam3's `eval/cgf1_eval.py` (which leaves out the 100, as the SAM3 paper does not).
Range −100 to 100. Not evaluable where no phrase is asked that is absent from its image (IL_MCC would be 0); undefined
(NaN) where pmF1 is.
"""

import numpy as np
import pandas as pd

from samgap.metrics import SufficientStatistics, _pairs, il_mcc, pmf1

UNIT = "points of 100"
RANGE = (-100.0, 100.0)
BY_PHRASE = False
BY_INSTANCE = False

row_mask = _pairs.is_evaluable_phrase
not_evaluable_reason = _pairs.require_masks(_pairs.no_negative_reason)


def sufficient_statistics(pairs: pd.DataFrame) -> SufficientStatistics:
    present = pmf1.row_mask(pairs)
    return {
        # `.T` on both sides, for terms of one column and of ten.
        **{f"pmf1.{name}": (term.T * present).T for name, term in pmf1.sufficient_statistics(pairs).items()},
        **{f"il_mcc.{name}": term for name, term in il_mcc.sufficient_statistics(pairs).items()},
    }


def compute(sums: SufficientStatistics) -> np.ndarray:
    def part(name: str) -> SufficientStatistics:
        return {key.removeprefix(f"{name}."): term for key, term in sums.items() if key.startswith(f"{name}.")}

    return 100 * pmf1.compute(part("pmf1")) * il_mcc.compute(part("il_mcc"))
