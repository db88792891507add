"""Compositional accuracy by the number of attributes in a phrase: 0 "apple", 1 "ripe apple", 2 "ripe red apple" …

Each labelled instance of the phrase's nouns is a decision: found (one to one, IoU 0.5) or not, wanted or not. Right
decisions / all, over images and phrases of that many attributes. Source: the compositional experiment of the paper's
published repository, which has no code for it. Range 0 to 1. Where few instances are wanted, finding none is mostly
right: read it beside `f1-50` by phrase. Where the truth has boxes alone, boxes are matched. Not evaluable where no
such phrase is asked.
"""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs, _ratio

VARIANTS = ("0", "1", "2", "3", "4")


def variant(name: str) -> _ratio.Ratio:
    def asked(pairs: pd.DataFrame) -> np.ndarray:
        number = np.array([len(attributes) for attributes in _pairs.prompt_attributes(pairs)], np.int64)
        known = np.array([nouns is not None for nouns in _pairs.list_column(pairs, "nouns")], bool)
        return _pairs.is_evaluable_phrase(pairs) & known & (number == int(name))

    applies = _pairs.require_phrases(asked, f"no phrase asks for {name} labelled attributes")
    return _ratio.Ratio(_ratio.column("n_decided"), _ratio.column("n_candidates"), asked, applies)
