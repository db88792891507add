"""The weights of the loss terms: the published ones, or those of the configuration."""

import pytest

from samgap.errors import UserError
from samgap.training.sam3.losses import LOSS_WEIGHTS, build_criterion


def list_weights(criterion):
    """Return the weights of all loss terms of the package's criterion, by name."""
    losses = [*criterion.loss_fns_find, criterion.loss_fn_semantic_seg]
    weights = {name: value for loss in losses for name, value in loss.weight_dict.items()}
    return {**weights, "one_to_many": criterion.o2m_weight}


def test_loss_weights_are_the_published_ones_unless_they_are_configured():
    assert list_weights(build_criterion({})) == LOSS_WEIGHTS
    changed = {"loss_bbox": 1.5, "loss_semantic_dice": 0.0, "one_to_many": 0.5}
    assert list_weights(build_criterion(changed)) == {**LOSS_WEIGHTS, **changed}


def test_an_unknown_loss_weight_is_an_error_that_names_the_known_ones():
    with pytest.raises(UserError, match="loss-weights names 'loss_match', .* it has loss_bbox, .*, one_to_many"):
        build_criterion({"loss_match": 1.0})
