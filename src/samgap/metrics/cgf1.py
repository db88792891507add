"""cgF1, the classification-gated F1: SAM3's headline measure of promptable concept segmentation.

100 · pmF1 · IL_MCC. Source: sam3's `eval/cgf1_eval.py` (which leaves out the 100, as the SAM3 paper does not).
Range −100 to 100. Not evaluable where no phrase is asked that is absent from its image (IL_MCC would be 0); undefined
(NaN) where pmF1 is.
"""

import numpy as np
import pandas as pd

from samgap.metrics import Terms, _pairs, il_mcc, pmf1

UNIT = "points of 100"
RANGE = (-100.0, 100.0)
BY_PHRASE = False
BY_INSTANCE = False

rests_on = _pairs.phrases
applies = _pairs.masked(_pairs.without_negative)


def terms(pairs: pd.DataFrame) -> Terms:
    present = pmf1.rests_on(pairs)
    return {
        # `.T` on both sides, for terms of one column and of ten.
        **{f"pmf1.{name}": (term.T * present).T for name, term in pmf1.terms(pairs).items()},
        **{f"il_mcc.{name}": term for name, term in il_mcc.terms(pairs).items()},
    }


def value(sums: Terms) -> np.ndarray:
    def part(name: str) -> Terms:
        return {key.removeprefix(f"{name}."): term for key, term in sums.items() if key.startswith(f"{name}.")}

    return 100 * pmf1.value(part("pmf1")) * il_mcc.value(part("il_mcc"))
