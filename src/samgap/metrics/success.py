"""Success rate: the share of instances asked for whose mask reaches an IoU of 0.5, 0.75, 0.9 or 0.95.

Each instance with the one prediction assigned to it, as for `iou`. Source: the paper's published repository.
Range 0 to 1, never rising with the threshold. Not evaluable where no labelled instance is asked for.
"""

from samgap.metrics import _pairs, _ratio
from samgap.tables import TAUS

VARIANTS = ("50", "75", "90", "95")


def variant(name: str) -> _ratio.Ratio:
    place = TAUS.index(int(name) / 100)
    applies = _pairs.masked(_pairs.without_truth)
    return _ratio.Ratio(_ratio.hits(place), _ratio.of("n_truth"), _pairs.positive, applies, BY_INSTANCE=True)
