"""Views of a drawn image whose right boxes and masks are plain to see."""

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.errors import UserError
from samgap.io.files import write_json
from samgap.masks import rle as masks
from samgap.training.loop import DatasetSource
from samgap.training.sam3 import views as _sam3_views
from samgap.training.sam3.views import MASK_STRIDE, ViewSampler

SIDE = 80
APPLES = [(10, 20, 30, 40), (50, 50, 70, 75)]
SIZED = {"phrase": "large apple", "noun": "apple", "attributes": {"size": "large"}}
PHRASES = [{"phrase": "apple", "noun": "apple"}, SIZED, {"phrase": "plum", "noun": "plum"}]


def _data(folder, boxed=False, apples=APPLES):
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    annotations = []
    for number, (x0, y0, x1, y1) in enumerate(apples, start=1):
        pixels[y0:y1, x0:x1] = (255, 0, 0)
        mask = np.zeros((SIDE, SIDE), bool)
        mask[y0:y1, x0:x1] = True
        rle = masks.encode(mask)
        row = {"id": number, "image_id": 1, "category_id": 1, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        row |= {"area": int(mask.sum()), "ignore": 0, "attributes": {"size": "large"}}
        if not boxed:
            row["segmentation"] = {"size": [SIDE, SIDE], "counts": rle["counts"].decode()}
        annotations.append(row)
    Image.fromarray(pixels).save(folder / "a.png")
    image = {"id": 1, "file_name": "a.png", "width": SIDE, "height": SIDE, "group": "a"}
    info = {"nouns": ["apple"], "attributes": {"size": ["large"]}}
    categories = [{"id": 1, "name": "apple"}]
    write_json(
        folder / "instances.json",
        {"info": info, "images": [image], "annotations": annotations, "categories": categories},
    )
    return DatasetSource(folder, folder / "instances.json")


def _views(folder, size=64, boxed=False, apples=APPLES, **options):
    return ViewSampler(_data(folder, boxed, apples), PHRASES, size, {"negatives": 1, **options})


def test_boxes_and_masks_lie_where_the_view_shows_the_fruit(tmp_path):
    views = _views(tmp_path, crops={"low": 0.5, "high": 1.0})
    rng = np.random.default_rng(0)
    for _ in range(60):
        point = views.sample(rng)
        red = point.images[0].data[0] > 0  # -1 to 1
        found = torch.zeros_like(red)
        for item in point.images[0].objects:
            cx, cy, width, height = (item.bbox * 64).tolist()
            x0, x1, y0, y1 = (
                round(edge) for edge in (cx - width / 2, cx + width / 2, cy - height / 2, cy + height / 2)
            )
            assert red[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].all()
            mask = item.segment.repeat_interleave(MASK_STRIDE, 0).repeat_interleave(MASK_STRIDE, 1)
            assert not (mask & ~red)[2:-2, 2:-2].sum() > 0.2 * mask.sum()
            found |= mask
        asked = point.find_queries[0]
        assert asked.query_text in ("apple", "large apple") and len(asked.object_ids_output) == len(
            point.images[0].objects
        )
        assert found.sum() > 0.5 * red.sum() or red.sum() < 600


def test_what_a_crop_leaves_little_of_is_not_asked_for(tmp_path):
    views = _views(tmp_path)
    there, unsure = _sam3_views.split_visible(views.ground_truth.instances_of(1), (28.0, 0.0, 50.0), 64)
    assert not there and [item.id for item in unsure] == [1]  # a tenth of the first, nothing of the second
    there, unsure = _sam3_views.split_visible(views.ground_truth.instances_of(1), (20.0, 20.0, 60.0), 64)
    assert [item.id for item in there] == [1, 2] and not unsure
    assert not _sam3_views.split_visible(views.ground_truth.instances_of(1), (0.0, 0.0, 80.0), 12)[0]  # 3 px


def test_size_is_asked_of_whole_images_alone(tmp_path):
    rng = np.random.default_rng(0)
    whole = _views(tmp_path)
    assert "large apple" in {query.query_text for _ in range(9) for query in whole.sample(rng).find_queries}
    near = _views(tmp_path, crops={"low": 0.5, "high": 0.8})
    assert {query.query_text for _ in range(9) for query in near.sample(rng).find_queries} == {"apple"}
    assert [phrase["phrase"] for phrase in near.phrases] == ["apple", "large apple"]  # plums are not labelled


def test_an_image_of_which_nothing_can_be_asked_is_no_view(tmp_path):
    assert _views(tmp_path, apples=[]).sample_view(1, np.random.default_rng(0)) is not None  # that there is none
    assert _views(tmp_path, apples=[], negatives=0).sample_view(1, np.random.default_rng(0)) is None


def test_boxes_alone_get_a_mask_inside_them_and_are_only_sometimes_all_there_is(tmp_path):
    views = _views(tmp_path, boxed=True)
    rng = np.random.default_rng(0)
    points = [views.sample(rng) for _ in range(20)]
    assert {query.is_exhaustive for point in points for query in point.find_queries} == {True, False}
    for item in points[0].images[0].objects:
        cx, cy, width, height = item.bbox.tolist()
        rows, columns = np.nonzero(item.segment.numpy())
        side = 64 // MASK_STRIDE
        assert len(rows) > 0.5 * width * height * side**2
        assert abs(rows.mean() / side - cy) < 0.1 and abs(columns.mean() / side - cx) < 0.1
    assert all(query.is_exhaustive for query in _views(tmp_path).sample(rng).find_queries)


def test_examples_are_boxes_of_the_view(tmp_path):
    views = _views(tmp_path, exemplars=1.0)
    point = views.sample(np.random.default_rng(0))
    query = next(query for query in point.find_queries if query.object_ids_output)
    boxes = {tuple(item.bbox.tolist()) for item in point.images[0].objects}
    assert query.input_bbox_label.tolist() == [1] * len(query.input_bbox)
    assert {tuple(box) for box in query.input_bbox.tolist()} <= boxes


def test_the_same_seed_gives_the_same_view(tmp_path):
    views = _views(tmp_path, crops={"low": 0.5, "high": 1.0}, jitter=True)
    one, two, other = (views.sample(np.random.default_rng(seed)).images[0].data for seed in (3, 3, 4))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert float(one.min()) >= -1 and float(one.max()) <= 1 and one.shape == (3, 64, 64)


@pytest.mark.parametrize("flip", [False, True])
def test_a_flipped_object_is_on_the_other_side(tmp_path, flip):
    views = _views(tmp_path)
    item = views.ground_truth.instances_of(1)[0]
    found = _sam3_views._make_object(item, item.decode_mask(), (0.0, 0.0, 80.0), flip, 64)
    assert found.bbox.tolist() == pytest.approx([0.75 if flip else 0.25, 0.375, 0.25, 0.25])


def test_phrases_that_the_labels_cannot_answer_are_refused_in_one_line(tmp_path):
    views = ViewSampler(_data(tmp_path), [PHRASES[2]], 64, {"negatives": 1})
    with pytest.raises(UserError, match="answer none of the training's phrases"):
        views.sample(np.random.default_rng(0))
