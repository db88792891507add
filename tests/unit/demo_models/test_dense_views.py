"""Every place of a view of a drawn image bears the label of what is plain to see there."""

import numpy as np
import torch

from samgap.demo_models import sam3_dense
from samgap.demo_models.dense_views import BACKGROUND, IGNORE_LABEL, Vocabulary, build_vocabulary, sample_dense_view
from tests.unit.training.test_sam3_views import PHRASES, _views

KNOWN = Vocabulary(("apple",), {"size": ("small", "large")})


def test_places_are_labelled_where_the_view_shows_the_fruit(tmp_path):
    views = _views(tmp_path, crops={"low": 0.6, "high": 1.0})
    rng = np.random.default_rng(1)
    for _ in range(40):
        one = sample_dense_view(views, KNOWN, 32, 8, rng)
        assert (
            one.fine_labels.shape == (2, 32, 32)
            and one.coarse_labels.shape == (2, 8, 8)
            and one.boxes.shape == (4, 8, 8)
        )
        red = one.pixels[0].reshape(32, 2, 32, 2).mean((1, 3)) > 0  # -1 to 1
        surely = one.fine_labels[0] != IGNORE_LABEL
        assert ((one.fine_labels[0] == 1) == red)[surely].float().mean() > 0.97
        assert set(one.fine_labels[0].unique().tolist()) <= {IGNORE_LABEL, BACKGROUND, 1}


def test_a_cell_in_the_middle_of_a_fruit_has_its_box(tmp_path):
    views = _views(tmp_path)
    one = sample_dense_view(views, KNOWN, 32, 8, np.random.default_rng(3))
    flipped = not torch.allclose(one.boxes[:, 3, 2], torch.tensor([10, 20, 30, 40]) / 80)
    boxes, cells = (one.boxes.flip(2), one.coarse_labels.flip(2)) if flipped else (one.boxes, one.coarse_labels)
    if flipped:
        boxes = torch.stack([1 - boxes[2], boxes[1], 1 - boxes[0], boxes[3]])
    for x0, y0, x1, y1 in ((10, 20, 30, 40), (50, 50, 70, 75)):
        column, row = (x0 + x1) // 20, (y0 + y1) // 20  # cells are 10 px of the image
        assert cells[:, row, column].tolist() == [1, 1]  # an apple, and large
        assert torch.allclose(boxes[:, row, column], torch.tensor([x0, y0, x1, y1]) / 80)
    assert cells[0, 7, 7] == BACKGROUND and cells[1, 7, 7] == IGNORE_LABEL


def test_far_off_places_of_photographs_with_boxes_are_now_and_then_unsure(tmp_path):
    views = _views(tmp_path, boxed=True)
    rng = np.random.default_rng(0)
    corners = {int(sample_dense_view(views, KNOWN, 32, 8, rng).fine_labels[0, 0, 0]) for _ in range(30)}
    assert corners == {BACKGROUND, IGNORE_LABEL}


def test_size_is_not_told_in_a_close_crop(tmp_path):
    views = _views(tmp_path, crops={"low": 0.6, "high": 0.7})
    one = sample_dense_view(views, KNOWN, 32, 8, np.random.default_rng(2))
    assert (one.fine_labels[1] == IGNORE_LABEL).all() and (one.fine_labels[0] == 1).any()


def test_the_vocabulary_is_what_is_labelled_and_asked_for(tmp_path):
    views = _views(tmp_path)
    assert build_vocabulary([views], PHRASES) == Vocabulary(("apple",), {"size": ("large",)})
    assert build_vocabulary([views], PHRASES[:1]) == Vocabulary(("apple",), {})


def test_a_right_answer_has_no_loss_and_full_figures(tmp_path):
    wanted = [sample_dense_view(_views(tmp_path), KNOWN, 32, 8, np.random.default_rng(0))]
    fine = [_certain(wanted[0].fine_labels[n], count) for n, count in enumerate((2, 2))]
    coarse = [_certain(wanted[0].coarse_labels[n], count) for n, count in enumerate((2, 2))]
    found = fine, coarse, wanted[0].boxes[None]
    terms = sam3_dense.compute_losses(found, wanted, [1.0])
    assert all(float(value) < 1e-3 for value in terms.values())
    assert all(value == 1 for value in sam3_dense.validation_scores(found, wanted).values())
    wrong = [scores.flip(1) for scores in fine], coarse, wanted[0].boxes[None]
    assert float(sam3_dense.compute_losses(wrong, wanted, [1.0])["loss_noun"]) > 1
    assert sam3_dense.validation_scores(wrong, wanted)["val_noun"] == 0


def _certain(labels: torch.Tensor, count: int) -> torch.Tensor:
    """Scores (1, count, side, side) that are sure of the labels (of the first value where they are unsure)."""
    return 20 * torch.nn.functional.one_hot(labels.clamp(min=0), count).permute(2, 0, 1)[None].float()
