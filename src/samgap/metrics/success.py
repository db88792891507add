"""Success rate: the share of instances asked for whose mask reaches an IoU of 0.5, 0.75, 0.9 or 0.95.

Each instance with the one prediction assigned to it, as for `iou`. Source: the paper's published repository.
Range 0 to 1, never rising with the threshold. Not evaluable where no labelled instance is asked for.
"""

from samgap.metrics import _pairs, _ratio
from samgap.tables.matching import IOU_THRESHOLDS

VARIANTS = ("50", "75", "90", "95")


def variant(name: str) -> _ratio.Ratio:
    place = IOU_THRESHOLDS.index(int(name) / 100)
    applies = _pairs.require_masks(_pairs.no_instance_reason)
    return _ratio.Ratio(
        _ratio.true_positives_at(place), _ratio.column("n_truth"), _pairs.is_positive, applies, BY_INSTANCE=True
    )
