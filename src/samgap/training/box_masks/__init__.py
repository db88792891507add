"""Training masks for apples that are labelled only with boxes, estimated from colours and edges without a learnt model.

Any training may use data sets with boxes only: `samgap.training.sam2` and `samgap.training.sam3` estimate the masks of
such instances while they load images.
"""

from samgap.training.box_masks.estimate import estimate_pseudo_mask

__all__ = ["estimate_pseudo_mask"]
