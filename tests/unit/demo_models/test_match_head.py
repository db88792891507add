"""Labels, loss and scores of the match head."""

import pytest
import torch

from samgap.demo_models import match_head
from samgap.demo_models.match_head import IGNORE_LABEL


def test_a_location_is_positive_if_a_mask_covers_a_quarter_of_it():
    masks = torch.zeros(2, 8, 8, dtype=torch.bool)
    masks[0, :2, :2] = True  # a quarter of the first of four locations of 4 x 4 px
    masks[0, 4, 4] = True  # a sixteenth of the last
    assert match_head.make_grid_labels(masks, 2).tolist() == [[1, 0, 0, IGNORE_LABEL], [0, 0, 0, 0]]


def test_a_location_with_ambiguous_pixels_is_ignored_unless_it_is_positive():
    masks, ambiguous = torch.zeros(1, 8, 8, dtype=torch.bool), torch.zeros(1, 8, 8, dtype=torch.bool)
    masks[0, :4, :4] = True
    ambiguous[0, 3, :] = True  # in both upper locations
    assert match_head.make_grid_labels(masks, 2, ambiguous).tolist() == [[1, IGNORE_LABEL, 0, 0]]


def test_correct_and_ignored_locations_have_no_loss():
    labels = torch.tensor([[1.0, 0.0, IGNORE_LABEL], [0.0, 0.0, IGNORE_LABEL]])
    no_foreground = torch.zeros(2, 3, dtype=torch.bool)
    correct = torch.tensor([[9.0, -9.0, 9.0], [-9.0, -9.0, -9.0]])
    assert float(match_head.compute_match_loss(correct, labels, no_foreground)) < 1e-3
    assert match_head.compute_validation_scores(correct, labels) == {"val_match_f1": 1.0, "val_match_presence": 1.0}
    assert float(match_head.compute_match_loss(correct, torch.full((2, 3), IGNORE_LABEL), no_foreground)) == 0


def test_a_missed_location_has_the_foreground_weight():
    labels = torch.tensor([[1.0, 0.0, IGNORE_LABEL], [0.0, 0.0, IGNORE_LABEL]])
    missed = torch.tensor([[-9.0, -9.0, 9.0], [-9.0, -9.0, -9.0]])
    # The other three labelled locations have the weight 1.
    weight = match_head.FOREGROUND_WEIGHT / (match_head.FOREGROUND_WEIGHT + 3)
    loss = match_head.compute_match_loss(missed, labels, torch.zeros(2, 3, dtype=torch.bool))
    assert float(loss) == pytest.approx(weight * 9, rel=1e-3)
    assert match_head.compute_validation_scores(missed, labels) == {"val_match_f1": 0.0, "val_match_presence": 0.5}


def test_a_false_positive_on_another_object_weighs_as_much_as_a_miss():
    labels, is_foreground = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[True, True, False]])
    missed, false_positive = torch.tensor([[-9.0, -9.0, -9.0]]), torch.tensor([[9.0, 9.0, -9.0]])
    losses = [
        float(match_head.compute_match_loss(logits, labels, is_foreground)) for logits in (missed, false_positive)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3) and losses[0] > 1
