"""Semantic grounding error, in both of the paper's definitions, which are not the same.

`box`: ‖B_pred − B_concept‖₁ (its Table 4), the sum of the four edges' distances, x over the image's width and y over
its height, mean over instances that a phrase asks for and something answers. `off-concept` (its §6.2): the share of a
predicted mask that lies off the instances asked for, mean over the masks predicted for evaluable phrases; a mask for
an absent phrase is wholly off. Source: the paper. Range 0 to 4 and 0 to 1, lower is better. `box` leaves out what is
not answered: read it beside the recall. Undefined (NaN) where nothing is answered, or predicted. Not evaluable for
spatial prompts: they name no concept.
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio

VARIANTS = ("box", "off-concept")


def is_present_phrase(pairs: pd.DataFrame) -> np.ndarray:
    return _pairs.is_evaluable_phrase(pairs) & _pairs.is_positive(pairs)


def variant(name: str) -> _ratio.Ratio:
    if name == "box":
        parts = _ratio.column("sum_box_error"), _ratio.column("n_answered")
        return _ratio.Ratio(
            *parts, is_present_phrase, _pairs.no_phrase_reason, "fraction", (0.0, 4.0), BY_INSTANCE=True
        )
    parts = _ratio.column("sum_off"), _ratio.column("n_predicted")
    return _ratio.Ratio(*parts, _pairs.is_evaluable_phrase, _pairs.require_masks(_pairs.no_phrase_reason))
