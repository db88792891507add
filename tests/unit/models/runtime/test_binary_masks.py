"""Predictions from binary masks."""

import numpy as np

from samgap.models.runtime.binary_masks import masks_to_predictions


def test_empty_masks_are_dropped_unless_kept_or_with_a_nan_score():
    masks, scores = np.zeros((3, 4, 5), bool), np.array([0.5, np.nan, 2.0])
    masks[2, 1:3, 2:4] = True
    dropped = masks_to_predictions(scores, None, masks)
    assert [prediction.area for prediction in dropped] == [0, 4]
    assert np.isnan(dropped[0].score) and dropped[1].score == 1 and dropped[1].box == (2, 1, 4, 3)
    assert len(masks_to_predictions(scores, None, masks, keep_empty=True)) == 3
