"""Precision, recall and F1 of phrases at a score threshold."""

import numpy as np
import pandas as pd

from samgap.metrics import _pairs
from samgap.metrics._ratio import Column, Ratio, both, of, twice
from samgap.tables import SCORES

_applies = _pairs.masked(_pairs.without_concept)


def at(name: str, score: float) -> Column:
    """A swept column of table `pairs` at `score`, one of `SCORES`."""
    place = SCORES.index(score)

    def column(pairs: pd.DataFrame) -> np.ndarray:
        return np.array(pairs[name].tolist(), np.float64).reshape(len(pairs), len(SCORES))[:, place]

    return column


def precision(score: float) -> Ratio:
    return Ratio(at("sweep_tp", score), at("sweep_predicted", score), _pairs.phrases, _applies)


def recall(score: float) -> Ratio:
    return Ratio(at("sweep_tp", score), of("n_truth"), _pairs.phrases, _applies)


def f1(score: float) -> Ratio:
    whole = both(at("sweep_predicted", score), of("n_truth"))
    return Ratio(twice(at("sweep_tp", score)), whole, _pairs.phrases, _applies)
