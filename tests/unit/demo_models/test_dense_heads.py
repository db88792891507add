"""Losses and scores of the dense heads on correct and on wrong predictions."""

import numpy as np
import torch

from samgap.demo_models import dense_heads
from samgap.demo_models.dense_views import Vocabulary, sample_dense_view
from samgap.training.sam3.views import ViewSampler
from tests.helpers.training_data import APPLE_PHRASES, write_apples

VOCABULARY = Vocabulary(("apple",), {"size": ("small", "large")})


def _make_confident_logits(labels: torch.Tensor, n_classes: int) -> torch.Tensor:
    """Return logits (1, classes, side, side) for the labels, and for the first class where they are IGNORE_LABEL."""
    return 20 * torch.nn.functional.one_hot(labels.clamp(min=0), n_classes).permute(2, 0, 1)[None].float()


def test_a_correct_prediction_has_no_loss_and_perfect_scores_and_a_wrong_noun_has_neither(tmp_path):
    sampler = ViewSampler(write_apples(tmp_path), APPLE_PHRASES, 64, {"negatives": 1})
    views = [sample_dense_view(sampler, VOCABULARY, 32, 8, np.random.default_rng(0))]
    fine = [_make_confident_logits(views[0].fine_labels[index], 2) for index in range(2)]
    coarse = [_make_confident_logits(views[0].coarse_labels[index], 2) for index in range(2)]
    correct = fine, coarse, views[0].boxes[None]
    terms = dense_heads.compute_losses(correct, views, [1.0])
    assert all(float(value) < 1e-3 for value in terms.values())
    assert all(value == 1 for value in dense_heads.compute_validation_scores(correct, views).values())
    wrong = [logits.flip(1) for logits in fine], coarse, views[0].boxes[None]
    assert float(dense_heads.compute_losses(wrong, views, [1.0])["loss_noun"]) > 1
    assert dense_heads.compute_validation_scores(wrong, views)["val_noun"] == 0
