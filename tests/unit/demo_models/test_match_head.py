"""What is right of a place and a phrase, and what a wrong answer costs."""

import numpy as np
import pytest
import torch

from samgap.demo_models import sam3_match
from samgap.demo_models.dense_views import NO_INSTANCE, Vocabulary, sample_dense_view
from samgap.demo_models.sam3_match import IGNORE_LABEL
from tests.unit.training.test_sam3_views import _views


def test_a_place_shows_what_covers_a_quarter_of_it():
    shown = torch.zeros(2, 8, 8, dtype=torch.bool)
    shown[0, :2, :2] = True  # the first of four places of 4 x 4: a quarter
    shown[0, 4, 4] = True  # the last: a sixteenth
    assert sam3_match.make_grid_labels(shown, 2).tolist() == [[1, 0, 0, IGNORE_LABEL], [0, 0, 0, 0]]


def test_a_place_with_something_unsure_is_unsure_unless_it_shows_what_is_asked_for():
    shown, unsure = torch.zeros(1, 8, 8, dtype=torch.bool), torch.zeros(1, 8, 8, dtype=torch.bool)
    shown[0, :4, :4] = True
    unsure[0, 3, :] = True  # touches both upper places
    assert sam3_match.make_grid_labels(shown, 2, unsure).tolist() == [[1, IGNORE_LABEL, 0, 0]]


def test_unsure_places_cost_nothing_and_right_ones_nearly_nothing():
    wanted = torch.tensor([[1.0, 0.0, IGNORE_LABEL], [0.0, 0.0, IGNORE_LABEL]])
    nothing = torch.zeros(2, 3, dtype=torch.bool)
    right = torch.tensor([[9.0, -9.0, 9.0], [-9.0, -9.0, -9.0]])
    assert float(sam3_match.match_loss(right, wanted, nothing)) < 1e-3
    assert sam3_match.validation_scores(right, wanted) == {"val_match_f1": 1.0, "val_match_presence": 1.0}
    missed = right.clone()
    missed[0, 0] = -9
    # The place that shows what is asked for weighs RARE, the other three that are known 1 each.
    weight = sam3_match.FOREGROUND_WEIGHT / (sam3_match.FOREGROUND_WEIGHT + 3)
    assert float(sam3_match.match_loss(missed, wanted, nothing)) == pytest.approx(weight * 9, rel=1e-3)
    assert sam3_match.validation_scores(missed, wanted) == {"val_match_f1": 0.0, "val_match_presence": 0.5}
    assert float(sam3_match.match_loss(right, torch.full((2, 3), IGNORE_LABEL), nothing)) == 0


def test_another_thing_that_answers_weighs_as_much_as_a_missed_one():
    wanted, things = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[True, True, False]])
    missed, taken = torch.tensor([[-9.0, -9.0, -9.0]]), torch.tensor([[9.0, 9.0, -9.0]])
    costs = [float(sam3_match.match_loss(logits, wanted, things)) for logits in (missed, taken)]
    assert costs[0] == pytest.approx(costs[1], rel=1e-3) and costs[0] > 1


def test_a_view_says_whose_each_place_is(tmp_path):
    views = _views(tmp_path)
    known = Vocabulary(("apple",), {"size": ("small", "large")})
    one = sample_dense_view(views, known, 32, 8, np.random.default_rng(1))
    for number, item in enumerate(one.visible):
        x0, y0, x1, y1 = (round(value * 32 / 80) for value in item.box)
        at = one.instance_map == number
        assert at.any() and abs(int(at.sum()) - (x1 - x0) * (y1 - y0)) <= (x1 - x0) + (y1 - y0)
    assert ((one.instance_map == NO_INSTANCE) == (one.fine_labels[0] == 0)).all()
