"""Encoded views: each is encoded once, with the objects that it shows, whatever the step that uses it first."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from samgap.demo_models.view_cache import ViewCache
from tests.helpers.discs import BLUE, RED, SIDE, make_loader, to_rgb, write_discs

CROPS = {"batch": 1, "crops": {"low": 0.5, "high": 1.0}}


@pytest.fixture
def make_cache(tmp_path):
    write_discs(tmp_path)
    return lambda n_views=5: ViewCache(make_loader(tmp_path, "masks.json", **CROPS), n_views)


def get_pixels(cache, indices):
    """Return the pixels of views as their features."""
    return cache.get_features(indices, lambda pixels: pixels, "cpu")


def test_masks_boxes_and_points_belong_to_the_features_of_their_view(make_cache):
    cache = make_cache()
    indices, batch, image_names = cache.sample_batch(5, np.random.default_rng(0))
    features = get_pixels(cache, indices)
    assert image_names == ["masks.json/a.png"] * 5
    assert features.dtype == torch.float32 and features.shape == batch.pixels.shape == (5, 3, SIDE, SIDE)
    pixels = to_rgb(functional.avg_pool2d(features, 2))
    assert set(batch.image_indices.tolist()) == set(range(5))
    for index, mask, box, point in zip(batch.image_indices, batch.masks, batch.boxes, batch.points, strict=True):
        middle = np.median(pixels[index][mask.numpy() > 0], axis=0)
        assert min(np.abs(middle - RED).max(), np.abs(middle - BLUE).max()) < 4
        rows, columns = np.nonzero(mask.numpy())
        tight = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]]) * 2
        assert np.abs(box.numpy() - tight).max() <= 3
        x, y = point.numpy() / 2
        assert mask[int(y), int(x)] == 1


def test_a_view_is_encoded_once_and_is_the_same_at_any_step(make_cache):
    calls, cache = [], make_cache(3)
    for seed in range(6):
        indices, _, _ = cache.sample_batch(2, np.random.default_rng(seed))
        cache.get_features(indices, lambda pixels: calls.append(1) or pixels, "cpu")
    assert len(calls) == 3
    later = make_cache(3)
    assert torch.equal(get_pixels(later, [2, 0, 1]), get_pixels(cache, [2, 0, 1]))


def test_views_differ_and_a_batch_has_no_view_twice(make_cache):
    cache = make_cache(4)
    indices, _, _ = cache.sample_batch(9, np.random.default_rng(1))
    features = get_pixels(cache, indices)
    assert sorted(indices) == [0, 1, 2, 3]
    assert all(not torch.equal(features[i], features[j]) for i in range(4) for j in range(i))


def test_points_are_sampled_anew_in_each_step(make_cache):
    cache = make_cache(1)
    points = {
        tuple(cache.sample_batch(1, np.random.default_rng(seed))[1].points.flatten().tolist()) for seed in range(6)
    }
    assert len(points) > 1
