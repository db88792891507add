"""Batches, prompts and clips of SAM2: pixels, masks, boxes, points and clicks belong to the same object."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.masks import rle
from samgap.training.loop import DatasetSource
from samgap.training.sam2.batch import PIXEL_MEAN, PIXEL_STD, BatchLoader, sample_ellipse_batch
from samgap.training.sam2.clicks import (
    PROMPT_PROBABILITIES,
    PROMPT_PROBABILITIES_WITH_MASKS,
    ObjectPrompts,
    add_correction_click,
    sample_first_prompts,
    sample_rough_masks,
)
from samgap.training.sam2.clips import sample_video_batch

SIDE = 128
RED, BLUE, GREEN = (230, 20, 20), (20, 20, 230), (20, 160, 20)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """An image of a red and a blue disc on green, with masks and with boxes only."""
    folder = tmp_path_factory.mktemp("discs")
    rows, columns = np.mgrid[:160, :200]
    pixels = np.full((160, 200, 3), GREEN, np.uint8)
    annotations = []
    for number, (x, y, radius, colour) in enumerate([(60, 70, 25, RED), (140, 90, 18, BLUE)], start=1):
        mask = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
        pixels[mask] = colour
        box = [x - radius, y - radius, 2 * radius + 1, 2 * radius + 1]
        encoded = {"size": [160, 200], "counts": rle.encode(mask)["counts"].decode()}
        row = {"id": number, "image_id": 1, "category_id": 1, "bbox": box, "area": int(mask.sum()), "attributes": {}}
        annotations.append({**row, "segmentation": encoded, "ignore": 0})
    Image.fromarray(pixels).save(folder / "a.png")
    image = {"id": 1, "file_name": "a.png", "width": 200, "height": 160, "group": "a"}
    content = {"info": {"nouns": ["apple"], "attributes": {}}, "images": [image]}
    content["categories"] = [{"id": 1, "name": "apple"}]
    (folder / "masks.json").write_text(json.dumps({**content, "annotations": annotations}))
    boxes = [{**row, "segmentation": None} for row in annotations]
    (folder / "boxes.json").write_text(json.dumps({**content, "annotations": boxes}))
    return folder


def make_loader(data, *files, **options):
    sources = [DatasetSource(data, data / file, file, 1 / len(files)) for file in files]
    return BatchLoader(sources, SIDE, {"batch": 3, "objects": 4, **options})


def to_rgb(pixels):
    """Return normalised pixels (..., 3, h, w) as RGB (..., h, w, 3), 0 to 255."""
    return (np.moveaxis(pixels.numpy(), -3, -1) * PIXEL_STD + PIXEL_MEAN) * 255


@pytest.mark.parametrize("crops", [{}, {"crops": {"low": 0.4, "high": 1.0}}])
def test_masks_boxes_and_points_belong_to_the_same_disc(data, crops):
    colours = set()
    for seed in range(12):
        batch = make_loader(data, "masks.json", **crops).sample_batch(np.random.default_rng(seed))
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


def test_an_object_outside_the_crop_is_not_prompted(data):
    close = make_loader(data, "masks.json", batch=1, crops={"low": 0.35, "high": 0.4})
    counts = {len(close.sample_batch(np.random.default_rng(seed)).image_indices) for seed in range(10)}
    assert counts == {1}  # the discs are 82 px apart, a crop is at most 64 px wide


def test_an_object_with_only_a_box_has_an_estimated_mask_with_a_lower_weight(data):
    batch = make_loader(data, "boxes.json").sample_batch(np.random.default_rng(0))
    annotated = make_loader(data, "masks.json").sample_batch(np.random.default_rng(0))
    assert not batch.is_ground_truth.any() and annotated.is_ground_truth.all()
    assert ((batch.loss_weights > 0) & (batch.loss_weights <= 0.5)).all()
    assert len(batch.masks) == len(annotated.masks)
    for estimate in batch.masks:
        overlaps = [float((estimate * mask).sum() / (estimate + mask).clamp(max=1).sum()) for mask in annotated.masks]
        assert max(overlaps) > 0.8


def test_a_batch_has_objects_of_all_data_sets(data):
    mixed = make_loader(data, "masks.json", "boxes.json", batch=8)
    is_ground_truth = torch.cat([mixed.sample_batch(np.random.default_rng(seed)).is_ground_truth for seed in range(6)])
    assert 0.2 < is_ground_truth.float().mean() < 0.8


def test_each_object_has_one_first_prompt_with_the_labels_of_its_kind(data):
    labels = {"box": [2, 3], "point": [1], "point-box": [1, 2, 3], "mask": [], "point-mask": [1]}
    batch = make_loader(data, "masks.json", batch=12).sample_batch(np.random.default_rng(0))
    prompts = list(sample_first_prompts(batch, SIDE, True, np.random.default_rng(1)))
    assert sorted(torch.cat([group.object_indices for group in prompts]).tolist()) == list(
        range(len(batch.image_indices))
    )
    for group, name in zip(prompts, PROMPT_PROBABILITIES_WITH_MASKS, strict=True):
        assert group.point_labels[0].tolist() == labels[name]
        assert (group.mask_input is not None) == ("mask" in name)
        if name == "box":
            shift = (group.point_coords - batch.boxes[group.object_indices]).abs().amax((1, 2))
            assert (shift == 0).any() and (shift > 0).any() and (shift <= 20).all()
    assert all(group.mask_input is None for group in sample_first_prompts(batch, SIDE, False, np.random.default_rng(1)))
    estimated = make_loader(data, "boxes.json", batch=12).sample_batch(np.random.default_rng(0))
    assert len(list(sample_first_prompts(estimated, SIDE, True, np.random.default_rng(1)))) <= len(PROMPT_PROBABILITIES)


@pytest.mark.parametrize(("predicted", "label"), [(-1.0, 1), (1.0, 0)])
def test_a_corrective_click_is_where_the_prediction_is_wrong(data, predicted, label):
    torch.manual_seed(0)
    batch = make_loader(data, "masks.json").sample_batch(np.random.default_rng(0))
    n_objects = len(batch.image_indices)
    first = ObjectPrompts(
        torch.arange(n_objects), batch.points[:, None], torch.ones(n_objects, 1, dtype=torch.int32), None
    )
    logits = torch.full((n_objects, 4, SIDE // 4, SIDE // 4), predicted * 50)
    clicked = add_correction_click(first, logits, torch.rand(n_objects, 4), batch, SIDE, np.random.default_rng(0))
    assert clicked.point_labels[:, -1].tolist() == [label] * n_objects
    for mask, (x, y) in zip(batch.masks, clicked.point_coords[:, -1].tolist(), strict=True):
        assert mask[int(y / 2), int(x / 2)] == label
    assert clicked.mask_input.shape == (n_objects, 1, SIDE // 4, SIDE // 4) and clicked.mask_input.abs().max() == 32


def test_a_rough_mask_overlaps_the_mask_without_being_equal(data):
    batch = make_loader(data, "masks.json").sample_batch(np.random.default_rng(0))
    overlaps = []
    for seed in range(20):
        rough = sample_rough_masks(batch.masks, SIDE, np.random.default_rng(seed))[:, 0] > 0
        coarse = torch.nn.functional.interpolate(batch.masks[:, None], rough.shape[-2:], mode="area")[:, 0] > 0.5
        overlaps += ((rough & coarse).sum((1, 2)) / (rough | coarse).sum((1, 2))).tolist()
    assert min(overlaps) > 0.3 and np.mean(overlaps) > 0.55 and min(overlaps) < 0.9


def test_masks_of_a_clip_follow_the_discs(data):
    distances, area_fractions = [], []
    for seed in range(8):
        options = {"frames": 6, "videos": 1, "objects": 2}
        batch = sample_video_batch(make_loader(data, "masks.json"), options, np.random.default_rng(seed))
        pixels = to_rgb(batch.img_batch[:, 0])
        for number in range(batch.masks.shape[1]):
            centres, colour = [], None
            areas = batch.masks[:, number].sum((1, 2)).tolist()
            area_fractions.append(min(areas) / areas[0])
            for frame, mask in zip(pixels, batch.masks[:, number].numpy(), strict=True):
                if mask.sum() > 30:
                    middle = np.median(frame[mask], axis=0)
                    colour = middle if colour is None else colour
                    assert np.abs(middle - colour).max() < 8
                    assert min(np.abs(middle - RED).max(), np.abs(middle - BLUE).max()) < 8
                    centres.append(np.argwhere(mask).mean(axis=0))
            distances.append(np.linalg.norm(centres[-1] - centres[0]))
    assert np.mean(distances) > 5
    assert min(area_fractions) < 0.5  # out of view, or occluded


def test_drawn_ellipses_fill_their_boxes(data):
    images = make_loader(data, "masks.json").sample_batch(np.random.default_rng(0))
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
