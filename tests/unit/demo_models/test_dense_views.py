"""Labels of the locations of a view, on an image of two red rectangles as apples."""

import numpy as np
import pytest
import torch

from samgap.demo_models.dense_views import (
    BACKGROUND,
    IGNORE_LABEL,
    NO_INSTANCE,
    UNLABELLED,
    Vocabulary,
    build_vocabulary,
    sample_dense_view,
)
from samgap.training.sam3.views import ViewSampler
from tests.helpers.training_data import APPLE_BOXES, APPLE_IMAGE_SIDE, APPLE_PHRASES, write_apples

VOCABULARY = Vocabulary(("apple",), {"size": ("small", "large")})


def _make_sampler(folder, boxes_only=False, labels=None, **options):
    source = write_apples(folder, boxes_only, **(labels or {}))
    return ViewSampler(source, APPLE_PHRASES, 64, {"negatives": 1, **options})


def _sample(sampler, rng):
    return sample_dense_view(sampler, VOCABULARY, 32, 8, rng)


def test_fine_locations_have_the_noun_of_what_they_show(tmp_path):
    sampler = _make_sampler(tmp_path, crops={"low": 0.6, "high": 1.0})
    rng = np.random.default_rng(1)
    for _ in range(40):
        view = _sample(sampler, rng)
        assert view.fine_labels.shape == (2, 32, 32)
        assert view.coarse_labels.shape == (2, 8, 8) and view.boxes.shape == (4, 8, 8)
        is_red = view.pixels[0].reshape(32, 2, 32, 2).mean((1, 3)) > 0  # pixels are from -1 to 1
        is_labelled = view.fine_labels[0] != IGNORE_LABEL
        assert ((view.fine_labels[0] == 1) == is_red)[is_labelled].float().mean() > 0.97
        assert set(view.fine_labels[0].unique().tolist()) <= {IGNORE_LABEL, BACKGROUND, 1}


def test_the_coarse_location_at_the_centre_of_a_fruit_has_its_box(tmp_path):
    view = _sample(_make_sampler(tmp_path), np.random.default_rng(3))
    boxes, cells = view.boxes, view.coarse_labels
    if not torch.allclose(boxes[:, 3, 2], torch.tensor(APPLE_BOXES[0]) / APPLE_IMAGE_SIDE):  # the view is flipped
        boxes, cells = boxes.flip(2), cells.flip(2)
        boxes = torch.stack([1 - boxes[2], boxes[1], 1 - boxes[0], boxes[3]])
    for x0, y0, x1, y1 in APPLE_BOXES:
        column, row = (x0 + x1) // 20, (y0 + y1) // 20  # a location is 10 px of the image
        assert cells[:, row, column].tolist() == [1, 1]  # an apple, and large
        assert torch.allclose(boxes[:, row, column], torch.tensor([x0, y0, x1, y1]) / APPLE_IMAGE_SIDE)
    assert cells[0, 7, 7] == BACKGROUND and cells[1, 7, 7] == IGNORE_LABEL


def test_unlabelled_locations_of_images_with_boxes_only_are_ignored_in_some_views(tmp_path):
    sampler = _make_sampler(tmp_path, boxes_only=True)
    rng = np.random.default_rng(0)
    corners = {int(_sample(sampler, rng).fine_labels[0, 0, 0]) for _ in range(30)}
    assert corners == {BACKGROUND, IGNORE_LABEL}


def test_size_is_not_a_label_in_a_close_crop(tmp_path):
    view = _sample(_make_sampler(tmp_path, crops={"low": 0.6, "high": 0.7}), np.random.default_rng(2))
    assert (view.fine_labels[1] == IGNORE_LABEL).all() and (view.fine_labels[0] == 1).any()


def test_the_instance_map_has_the_index_of_the_instance_at_each_location(tmp_path):
    view = _sample(_make_sampler(tmp_path), np.random.default_rng(1))
    for index, instance in enumerate(view.visible):
        x0, y0, x1, y1 = (round(value * 32 / APPLE_IMAGE_SIDE) for value in instance.box)
        area = int((view.instance_map == index).sum())
        assert area and abs(area - (x1 - x0) * (y1 - y0)) <= (x1 - x0) + (y1 - y0)
    assert ((view.instance_map == NO_INSTANCE) == (view.fine_labels[0] == BACKGROUND)).all()


def test_the_vocabulary_has_the_nouns_of_the_labels_and_the_attributes_of_the_phrases(tmp_path):
    sampler = _make_sampler(tmp_path)
    assert build_vocabulary([sampler], APPLE_PHRASES) == Vocabulary(("apple",), {"size": ("large",)})
    assert build_vocabulary([sampler], APPLE_PHRASES[:1]) == Vocabulary(("apple",), {})


@pytest.mark.parametrize("labels", [{"incomplete": ["apple"]}, {"exhaustive": False}])
def test_a_location_without_a_label_has_no_loss_where_objects_lack_labels(tmp_path, labels):
    view = _sample(_make_sampler(tmp_path, labels=labels), np.random.default_rng(1))
    for grid in (view.fine_labels, view.coarse_labels):
        assert set(grid[0].unique().tolist()) == {IGNORE_LABEL, 1}
    assert not (view.instance_map == NO_INSTANCE).any() and (view.instance_map == UNLABELLED).any()


def test_phrases_of_lost_labels_are_not_those_of_a_view(tmp_path):
    rng = np.random.default_rng(1)
    assert [phrase["phrase"] for phrase in _sample(_make_sampler(tmp_path), rng).phrases] == ["apple", "large apple"]
    assert not _sample(_make_sampler(tmp_path, labels={"incomplete": ["apple"]}), rng).phrases


def test_locations_are_not_background_if_a_noun_of_the_vocabulary_is_not_labelled(tmp_path):
    vocabulary = Vocabulary(("apple", "plum"), {"size": ("small",)})
    view = sample_dense_view(_make_sampler(tmp_path), vocabulary, 32, 8, np.random.default_rng(1))
    assert set(view.fine_labels[0].unique().tolist()) == {IGNORE_LABEL, 1}
    assert (view.fine_labels[1] == IGNORE_LABEL).all()  # the value "large" is not in the vocabulary
