"""F1 at each IoU threshold, 0.50, 0.55 … 0.95.

As `f1-50`, which is `f1-iou-50`: 2TP / (predicted + truth) over all evaluable prompts. One assignment serves all
thresholds, as in sam3's evaluator. Source: van Rijsbergen (1979). Range 0 to 1, never rising with the threshold;
undefined (NaN) where nothing is asked for and nothing predicted.
"""

from samgap.metrics import _pairs, _ratio
from samgap.metrics._ratio import both, of
from samgap.tables import TAUS

VARIANTS = ("50", "55", "60", "65", "70", "75", "80", "85", "90", "95")


def variant(name: str) -> _ratio.Ratio:
    right = _ratio.twice(_ratio.hits(TAUS.index(int(name) / 100)))
    applies = _pairs.masked(_pairs.without_answer)
    return _ratio.Ratio(right, both(of("n_predicted"), of("n_truth")), _pairs.evaluable, applies)
