"""What a step of SAM2 sees fits together: pixels, masks, boxes, points and clicks are of the same object."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.masks import rle as masks
from samgap.training.loop import DatasetSource, sample_source_indices
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
    """One picture: a red and a blue disc on green; and the same with boxes alone."""
    folder = tmp_path_factory.mktemp("discs")
    rows, columns = np.mgrid[:160, :200]
    pixels = np.full((160, 200, 3), GREEN, np.uint8)
    annotations = []
    for number, (x, y, radius, colour) in enumerate([(60, 70, 25, RED), (140, 90, 18, BLUE)], start=1):
        mask = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
        pixels[mask] = colour
        box = [x - radius, y - radius, 2 * radius + 1, 2 * radius + 1]
        rle = {"size": [160, 200], "counts": masks.encode(mask)["counts"].decode()}
        row = {"id": number, "image_id": 1, "category_id": 1, "bbox": box, "area": int(mask.sum()), "attributes": {}}
        annotations.append({**row, "segmentation": rle, "ignore": 0})
    Image.fromarray(pixels).save(folder / "a.png")
    image = {"id": 1, "file_name": "a.png", "width": 200, "height": 160, "group": "a"}
    content = {"info": {"nouns": ["apple"], "attributes": {}}, "images": [image]}
    content["categories"] = [{"id": 1, "name": "apple"}]
    (folder / "masks.json").write_text(json.dumps({**content, "annotations": annotations}))
    boxes = [{**row, "segmentation": None} for row in annotations]
    (folder / "boxes.json").write_text(json.dumps({**content, "annotations": boxes}))
    return folder


def reader(data, *files, **options):
    sets = [DatasetSource(data, data / file, file, 1 / len(files)) for file in files]
    return BatchLoader(sets, SIDE, {"batch": 3, "objects": 4, **options})


def colours(pixels):
    """(…, 3, h, w) normalised -> (…, h, w, 3) from 0 to 255."""
    return (np.moveaxis(pixels.numpy(), -3, -1) * PIXEL_STD + PIXEL_MEAN) * 255


@pytest.mark.parametrize("crops", [{}, {"crops": {"low": 0.4, "high": 1.0}}])
def test_masks_boxes_and_points_are_of_the_object_that_is_seen(data, crops):
    whose = set()
    for seed in range(12):
        batch = reader(data, "masks.json", **crops).sample_batch(np.random.default_rng(seed))
        pixels = colours(batch.pixels)
        for owner, mask, box, point in zip(batch.image_indices, batch.masks, batch.boxes, batch.points, strict=True):
            inside = pixels[owner][::2, ::2][mask.numpy() > 0]
            middle = np.median(inside, axis=0)
            red = np.abs(middle - RED).max() < 4
            assert red or np.abs(middle - BLUE).max() < 4
            whose.add(red)
            rows, columns = np.nonzero(mask.numpy())
            tight = np.array([[columns.min(), rows.min()], [columns.max() + 1, rows.max() + 1]]) * 2
            assert np.abs(box.numpy() - tight).max() <= 3
            x, y = point.numpy()
            assert mask[int(y / 2), int(x / 2)] == 1
        assert batch.is_ground_truth.all() and (batch.loss_weights == 1).all()
    assert whose == {True, False}


def test_an_object_that_a_crop_cuts_away_is_not_asked_for(data):
    near = reader(data, "masks.json", batch=1, crops={"low": 0.35, "high": 0.4})
    counts = {len(near.sample_batch(np.random.default_rng(seed)).image_indices) for seed in range(10)}
    assert counts == {1}  # the discs are 82 px apart, a crop is at most 64 px wide


def test_a_box_alone_is_asked_with_an_estimated_mask_that_counts_less(data):
    batch = reader(data, "boxes.json").sample_batch(np.random.default_rng(0))
    truth = reader(data, "masks.json").sample_batch(np.random.default_rng(0))
    assert not batch.is_ground_truth.any() and truth.is_ground_truth.all()
    assert ((batch.loss_weights > 0) & (batch.loss_weights <= 0.5)).all()
    assert len(batch.masks) == len(truth.masks)
    for estimate in batch.masks:
        overlaps = [float((estimate * mask).sum() / (estimate + mask).clamp(max=1).sum()) for mask in truth.masks]
        assert max(overlaps) > 0.8


def test_data_sets_are_drawn_by_their_shares(data):
    sets = [DatasetSource(data, data / "a", "a", 0.75), DatasetSource(data, data / "b", "b", 0.25)]
    drawn = sample_source_indices(sets, 4000, np.random.default_rng(0))
    assert np.mean(drawn == 1) == pytest.approx(0.25, abs=0.03)
    mixed = reader(data, "masks.json", "boxes.json", batch=8)
    known = torch.cat([mixed.sample_batch(np.random.default_rng(seed)).is_ground_truth for seed in range(6)])
    assert 0.2 < known.float().mean() < 0.8


def test_each_object_is_asked_once_with_the_tokens_that_it_has_in_use(data):
    labels = {"box": [2, 3], "point": [1], "point-box": [1, 2, 3], "mask": [], "point-mask": [1]}
    batch = reader(data, "masks.json", batch=12).sample_batch(np.random.default_rng(0))
    asked = list(sample_first_prompts(batch, SIDE, True, np.random.default_rng(1)))
    assert sorted(torch.cat([each.object_indices for each in asked]).tolist()) == list(range(len(batch.image_indices)))
    for each, name in zip(asked, PROMPT_PROBABILITIES_WITH_MASKS, strict=True):
        assert each.point_labels[0].tolist() == labels[name]
        assert (each.mask_input is not None) == ("mask" in name)
        if name == "box":
            off = (each.point_coords - batch.boxes[each.object_indices]).abs().amax((1, 2))
            assert (off == 0).any() and (off > 0).any() and (off <= 20).all()
    assert all(each.mask_input is None for each in sample_first_prompts(batch, SIDE, False, np.random.default_rng(1)))
    estimated = reader(data, "boxes.json", batch=12).sample_batch(np.random.default_rng(0))
    assert len(list(sample_first_prompts(estimated, SIDE, True, np.random.default_rng(1)))) <= len(PROMPT_PROBABILITIES)


@pytest.mark.parametrize(("answer", "label"), [(-1.0, 1), (1.0, 0)])
def test_a_click_is_drawn_where_the_answer_is_wrong(data, answer, label):
    torch.manual_seed(0)
    batch = reader(data, "masks.json").sample_batch(np.random.default_rng(0))
    count = len(batch.image_indices)
    asked = ObjectPrompts(torch.arange(count), batch.points[:, None], torch.ones(count, 1, dtype=torch.int32), None)
    logits = torch.full((count, 4, SIDE // 4, SIDE // 4), answer * 50)
    after = add_correction_click(asked, logits, torch.rand(count, 4), batch, SIDE, np.random.default_rng(0))
    assert after.point_labels[:, -1].tolist() == [label] * count
    for mask, (x, y) in zip(batch.masks, after.point_coords[:, -1].tolist(), strict=True):
        assert mask[int(y / 2), int(x / 2)] == label
    assert after.mask_input.shape == (count, 1, SIDE // 4, SIDE // 4) and after.mask_input.abs().max() == 32


def test_a_rough_mask_is_like_the_mask_but_not_it(data):
    batch = reader(data, "masks.json").sample_batch(np.random.default_rng(0))
    overlaps = []
    for seed in range(20):
        guess = sample_rough_masks(batch.masks, SIDE, np.random.default_rng(seed))[:, 0] > 0
        low = torch.nn.functional.interpolate(batch.masks[:, None], guess.shape[-2:], mode="area")[:, 0] > 0.5
        overlaps += ((guess & low).sum((1, 2)) / (guess | low).sum((1, 2))).tolist()
    assert min(overlaps) > 0.3 and np.mean(overlaps) > 0.55 and min(overlaps) < 0.9


def test_masks_of_a_clip_follow_what_is_seen(data):
    moved, left = [], []
    for seed in range(8):
        options = {"frames": 6, "videos": 1, "objects": 2}
        batch = sample_video_batch(reader(data, "masks.json"), options, np.random.default_rng(seed))
        pixels = colours(batch.img_batch[:, 0])
        for number in range(batch.masks.shape[1]):
            places, colour = [], None
            areas = batch.masks[:, number].sum((1, 2)).tolist()
            left.append(min(areas) / areas[0])
            for shown, mask in zip(pixels, batch.masks[:, number].numpy(), strict=True):
                if mask.sum() > 30:
                    middle = np.median(shown[mask], axis=0)
                    colour = middle if colour is None else colour
                    assert np.abs(middle - colour).max() < 8
                    assert min(np.abs(middle - RED).max(), np.abs(middle - BLUE).max()) < 8
                    places.append(np.argwhere(mask).mean(axis=0))
            moved.append(np.linalg.norm(places[-1] - places[0]))
    assert np.mean(moved) > 5
    assert min(left) < 0.5  # out of view, or behind what passes


def test_drawn_objects_fill_their_boxes(data):
    shown = reader(data, "masks.json").sample_batch(np.random.default_rng(0))
    batch = sample_ellipse_batch(shown, 40, np.random.default_rng(1))
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
