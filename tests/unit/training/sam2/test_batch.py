"""Batches of SAM2: pixels, masks, boxes and points belong to the same object."""

import json
import shutil

import numpy as np
import pytest
import torch

from samgap.errors import UserError
from samgap.masks import rle
from samgap.training.sam2.batch import PIXEL_MEAN, PIXEL_STD, BatchLoader, sample_ellipse_batch
from samgap.training.sam2.clips import sample_clip
from samgap.training.sampling import MAX_ATTEMPTS
from tests.helpers.discs import BLUE, RED, SIDE, make_loader, to_rgb
from tests.helpers.training_data import write_apples


@pytest.mark.parametrize("crops", [{}, {"crops": {"low": 0.4, "high": 1.0}}])
def test_masks_boxes_and_points_belong_to_the_same_disc(discs, crops):
    colours = set()
    for seed in range(12):
        batch = make_loader(discs, "masks.json", **crops).sample_batch(np.random.default_rng(seed))
        pixels = to_rgb(batch.pixels)
        for image_index, mask, box, point in zip(
            batch.image_indices, batch.masks, batch.boxes, batch.points, strict=True
        ):
            inside = pixels[image_index][::2, ::2][mask.numpy() > 0]
            middle = np.median(inside, axis=0)
            is_red = np.abs(middle - RED).max() < 4
            assert is_red or np.abs(middle - BLUE).max() < 4
            colours.add(is_red)
            rows, columns = np.nonzero(mask.numpy())
            tight = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]]) * 2
            assert np.abs(box.numpy() - tight).max() <= 3
            x, y = point.numpy()
            assert mask[int(y / 2), int(x / 2)] == 1
        assert batch.is_ground_truth.all() and (batch.loss_weights == 1).all()
    assert colours == {True, False}


def test_an_object_outside_the_crop_is_not_prompted(discs):
    close = make_loader(discs, "masks.json", batch=1, crops={"low": 0.35, "high": 0.4})
    counts = {len(close.sample_batch(np.random.default_rng(seed)).image_indices) for seed in range(10)}
    assert counts == {1}  # the discs are 82 px apart, a crop is at most 64 px wide


def test_an_object_with_only_a_box_has_an_estimated_mask_with_a_lower_weight(discs):
    batch = make_loader(discs, "boxes.json").sample_batch(np.random.default_rng(0))
    annotated = make_loader(discs, "masks.json").sample_batch(np.random.default_rng(0))
    assert not batch.is_ground_truth.any() and annotated.is_ground_truth.all()
    assert ((batch.loss_weights > 0) & (batch.loss_weights <= 0.5)).all()
    assert len(batch.masks) == len(annotated.masks)
    for estimate in batch.masks:
        overlaps = [float((estimate * mask).sum() / (estimate + mask).clamp(max=1).sum()) for mask in annotated.masks]
        assert max(overlaps) > 0.8


def test_a_batch_has_objects_of_all_data_sets(discs):
    mixed = make_loader(discs, "masks.json", "boxes.json", batch=8)
    is_ground_truth = torch.cat([mixed.sample_batch(np.random.default_rng(seed)).is_ground_truth for seed in range(6)])
    assert 0.2 < is_ground_truth.float().mean() < 0.8


def test_drawn_ellipses_fill_their_boxes(discs):
    images = make_loader(discs, "masks.json").sample_batch(np.random.default_rng(0))
    batch = sample_ellipse_batch(images, 40, np.random.default_rng(1))
    assert len(batch.image_indices) == len(batch.masks) == 40 and set(batch.image_indices.tolist()) == {0, 1, 2}
    for mask, box, point in zip(batch.masks, batch.boxes.numpy(), batch.points.tolist(), strict=True):
        rows, columns = np.nonzero(mask.numpy())
        tight = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]]) * 2
        assert np.abs(box - tight).max() <= 6 and box.min() >= 0 and box.max() <= SIDE
        filled = 4 * mask.sum() / np.prod(box[1] - box[0])
        assert filled == pytest.approx(np.pi / 4, abs=0.15)
        assert mask[int(point[1] / 2), int(point[0] / 2)] == 1
    extents = (batch.boxes[:, 1] - batch.boxes[:, 0]).amax(1)
    assert extents.min() < SIDE / 8 and extents.max() > SIDE / 3


@pytest.fixture
def changed_discs(discs, tmp_path):
    """Return a function that writes the discs to a folder, with their annotations changed, and returns the folder."""

    def write(change):
        shutil.copy(discs / "a.png", tmp_path)
        content = json.loads((discs / "masks.json").read_text(encoding="utf-8"))
        for annotation in content["annotations"]:
            change(annotation)
        (tmp_path / "masks.json").write_text(json.dumps(content), encoding="utf-8")
        return tmp_path

    return write


def _shrink_to_pixels(annotation):
    mask = np.zeros((160, 200), bool)
    mask[80:82, 80 * annotation["id"] : 80 * annotation["id"] + 2] = True
    annotation["bbox"], annotation["area"] = [80 * annotation["id"], 80, 2, 2], 4
    annotation["segmentation"]["counts"] = rle.encode(mask)["counts"].decode()


def test_a_data_set_with_only_ignored_instances_is_an_error(changed_discs):
    folder = changed_discs(lambda annotation: annotation.update(ignore=1))
    with pytest.raises(UserError, match=r"masks\.json: it has no instance to prompt for"):
        make_loader(folder, "masks.json")


@pytest.mark.timeout(100)
def test_a_data_set_with_only_too_small_instances_is_an_error(changed_discs, monkeypatch):
    loader = make_loader(changed_discs(_shrink_to_pixels), "masks.json", batch=1)
    samples = []
    sample_image = loader.sample_image
    monkeypatch.setattr(loader, "sample_image", lambda *args: samples.append(args) or sample_image(*args))
    with pytest.raises(UserError, match=r"masks\.json: no instance is large enough to be prompted for"):
        loader.sample_batch(np.random.default_rng(0))
    assert len(samples) == MAX_ATTEMPTS
    with pytest.raises(UserError, match=r"masks\.json: no instance is large enough to be tracked"):
        sample_clip(loader, 2, 1, np.random.default_rng(0))


def test_an_augmented_batch_has_its_masks_in_their_places(tmp_path):
    source = write_apples(tmp_path)
    steps = [{"transform": {"flip": {}}}, {"transform": {"affine": {"degrees": 15}}}]
    options = {"batch": 1, "objects": 2, "augmentation": steps, "jitter": True}
    for seed in range(3):
        batch = BatchLoader([source], 80, options).sample_batch(np.random.default_rng(seed))
        pixels = batch.pixels[0, :, 1::2, 1::2].numpy() * PIXEL_STD[:, None, None] + PIXEL_MEAN[:, None, None]
        is_red = (pixels[0] > 0.5) & (pixels[1] < 0.3)
        labelled = batch.masks.numpy().any(axis=0)
        assert (is_red & labelled).sum() / (is_red | labelled).sum() > 0.85


def test_masks_estimated_from_mirrored_boxes_are_mirrored(tmp_path):
    source = write_apples(tmp_path, boxes_only=True)
    probability = {"probability": 0.5, "transform": {"flip": {}}}
    loader = BatchLoader([source], 80, {"batch": 1, "objects": 2, "augmentation": [probability]})
    boxes = set()
    for seed in range(6):
        image, instances = loader.sample_image(0, np.random.default_rng(seed))
        for instance in instances:
            rows, columns = np.nonzero(loader.load_mask(0, instance, instances, image)[0])
            x0, y0, x1, y1 = instance.box
            assert (columns.mean(), rows.mean()) == pytest.approx(((x0 + x1) / 2, (y0 + y1) / 2), abs=3)
            boxes.add(instance.box)
    assert len(boxes) == 4
