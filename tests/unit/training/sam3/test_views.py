"""Views of an image of two red rectangles as apples: boxes, masks and queries."""

import numpy as np
import pytest
import torch

from samgap.errors import UserError
from samgap.training.sam3 import views
from samgap.training.sam3.views import MASK_STRIDE, ViewSampler
from tests.helpers.training_data import APPLE_BOXES, APPLE_PHRASES, write_apples

VIEW_SIZE = 64


def make_sampler(folder, boxes_only=False, boxes=APPLE_BOXES, exhaustive=True, incomplete=(), **options):
    source = write_apples(folder, boxes_only, boxes, exhaustive, incomplete)
    return ViewSampler(source, APPLE_PHRASES, VIEW_SIZE, {"negatives": 1, **options})


def test_boxes_and_masks_are_where_the_view_shows_the_fruit(tmp_path):
    sampler = make_sampler(tmp_path, crops={"low": 0.5, "high": 1.0})
    rng = np.random.default_rng(0)
    for _ in range(60):
        point = sampler.sample(rng)
        is_red = point.images[0].data[0] > 0  # pixels are from -1 to 1
        all_masks = torch.zeros_like(is_red)
        for item in point.images[0].objects:
            cx, cy, width, height = (item.bbox * VIEW_SIZE).tolist()
            x0, x1, y0, y1 = (
                round(edge) for edge in (cx - width / 2, cx + width / 2, cy - height / 2, cy + height / 2)
            )
            assert is_red[y0 + 2 : y1 - 2, x0 + 2 : x1 - 2].all()
            mask = item.segment.repeat_interleave(MASK_STRIDE, 0).repeat_interleave(MASK_STRIDE, 1)
            assert not (mask & ~is_red)[2:-2, 2:-2].sum() > 0.2 * mask.sum()
            all_masks |= mask
        query = point.find_queries[0]
        assert query.query_text in ("apple", "large apple")
        assert len(query.object_ids_output) == len(point.images[0].objects)
        assert all_masks.sum() > 0.5 * is_red.sum() or is_red.sum() < 600


def test_instances_that_a_crop_mostly_cuts_away_are_ambiguous(tmp_path):
    instances = make_sampler(tmp_path).ground_truth.instances_of(1)
    visible, ambiguous = views.split_visible(instances, (28.0, 0.0, 50.0), 64)
    assert not visible and [item.id for item in ambiguous] == [1]  # a tenth of the first, nothing of the second
    visible, ambiguous = views.split_visible(instances, (20.0, 20.0, 60.0), 64)
    assert [item.id for item in visible] == [1, 2] and not ambiguous
    assert not views.split_visible(instances, (0.0, 0.0, 80.0), 12)[0]  # 3 px of the view


def test_phrases_with_size_are_queries_only_of_complete_images(tmp_path):
    rng = np.random.default_rng(0)
    full_sampler = make_sampler(tmp_path)
    assert "large apple" in {query.query_text for _ in range(9) for query in full_sampler.sample(rng).find_queries}
    close_sampler = make_sampler(tmp_path, crops={"low": 0.5, "high": 0.8})
    assert {query.query_text for _ in range(9) for query in close_sampler.sample(rng).find_queries} == {"apple"}
    assert [phrase["phrase"] for phrase in close_sampler.phrases] == ["apple", "large apple"]  # plums are not labelled


def test_an_image_without_a_possible_query_has_no_view(tmp_path):
    rng = np.random.default_rng
    assert make_sampler(tmp_path, boxes=[]).sample_view(1, rng(0)) is not None  # a negative
    assert make_sampler(tmp_path, boxes=[], negatives=0).sample_view(1, rng(0)) is None


def test_boxes_without_masks_get_estimated_masks_and_are_exhaustive_in_some_views(tmp_path):
    sampler = make_sampler(tmp_path, boxes_only=True)
    rng = np.random.default_rng(0)
    points = [sampler.sample(rng) for _ in range(20)]
    assert {query.is_exhaustive for point in points for query in point.find_queries} == {True, False}
    for item in points[0].images[0].objects:
        cx, cy, width, height = item.bbox.tolist()
        rows, columns = np.nonzero(item.segment.numpy())
        side = VIEW_SIZE // MASK_STRIDE
        assert len(rows) > 0.5 * width * height * side**2
        assert abs(rows.mean() / side - cy) < 0.1 and abs(columns.mean() / side - cx) < 0.1
    assert all(query.is_exhaustive for query in make_sampler(tmp_path).sample(rng).find_queries)


def test_exemplars_are_boxes_of_the_view(tmp_path):
    point = make_sampler(tmp_path, exemplars=1.0).sample(np.random.default_rng(0))
    query = next(query for query in point.find_queries if query.object_ids_output)
    boxes = {tuple(item.bbox.tolist()) for item in point.images[0].objects}
    assert query.input_bbox_label.tolist() == [1] * len(query.input_bbox)
    assert {tuple(box) for box in query.input_bbox.tolist()} <= boxes


def test_the_same_seed_gives_the_same_view(tmp_path):
    sampler = make_sampler(tmp_path, crops={"low": 0.5, "high": 1.0}, jitter=True)
    first, second, different = (sampler.sample(np.random.default_rng(seed)).images[0].data for seed in (3, 3, 4))
    assert torch.equal(first, second) and not torch.equal(first, different)
    assert float(first.min()) >= -1 and float(first.max()) <= 1 and first.shape == (3, VIEW_SIZE, VIEW_SIZE)


@pytest.mark.parametrize("flip", [False, True])
def test_a_flipped_object_is_on_the_other_side(tmp_path, flip):
    instance = make_sampler(tmp_path).ground_truth.instances_of(1)[0]
    flipped = views._make_object(instance, instance.decode_mask(), (0.0, 0.0, 80.0), flip, VIEW_SIZE)
    assert flipped.bbox.tolist() == pytest.approx([0.75 if flip else 0.25, 0.375, 0.25, 0.25])


def test_phrases_that_the_labels_cannot_evaluate_are_an_error(tmp_path):
    sampler = ViewSampler(write_apples(tmp_path), [APPLE_PHRASES[2]], VIEW_SIZE, {"negatives": 1})
    with pytest.raises(UserError, match="cannot evaluate any phrase of the training"):
        sampler.sample(np.random.default_rng(0))


def test_an_image_that_lost_labels_of_a_noun_is_no_view_of_its_phrases(tmp_path):
    rng = np.random.default_rng(0)
    assert make_sampler(tmp_path).sample_view(1, rng) is not None
    assert make_sampler(tmp_path, incomplete=["apple"]).sample_view(1, rng) is None


@pytest.mark.timeout(60)
@pytest.mark.parametrize("labels", [{"incomplete": ["apple"]}, {"boxes": [], "negatives": 0}])
def test_a_data_set_without_a_possible_query_is_an_error(tmp_path, labels):
    with pytest.raises(UserError, match=r"instances\.json: no image has a query of the training's phrases"):
        make_sampler(tmp_path, **labels).sample(np.random.default_rng(0))


def test_a_data_set_without_images_is_an_error(tmp_path):
    sampler = make_sampler(tmp_path)
    sampler.image_ids = []
    with pytest.raises(UserError, match="it has no images"):
        sampler.sample(np.random.default_rng(0))


def test_with_labels_that_are_not_exhaustive_no_phrase_is_absent_and_no_view_is_exhaustive(tmp_path):
    sampler = make_sampler(tmp_path, boxes=APPLE_BOXES[:1], exhaustive=False, crops={"low": 0.5, "high": 1.0})
    rng = np.random.default_rng(0)
    queries = [query for _ in range(60) for query in sampler.sample(rng).find_queries]
    assert all(query.object_ids_output and not query.is_exhaustive for query in queries)
    exhaustive = make_sampler(tmp_path, boxes=APPLE_BOXES[:1], crops={"low": 0.5, "high": 1.0})
    queries = [query for _ in range(60) for query in exhaustive.sample(rng).find_queries]
    assert all(query.is_exhaustive for query in queries) and not all(query.object_ids_output for query in queries)


def test_a_phrase_that_excludes_an_attribute_without_a_label_is_no_query(tmp_path):
    phrase = {"phrase": "apple that is not large", "noun": "apple", "without": {"size": "large"}}
    sampler = ViewSampler(write_apples(tmp_path), [phrase], VIEW_SIZE, {"negatives": 1})
    whole_image = (0.0, 0.0, 80.0)
    assert sampler.select_phrases(1, whole_image) == [phrase]
    assert sampler.select_phrases(1, (0.0, 0.0, 40.0)) == []  # the size is unclear in a small crop
    sampler.ground_truth.instances_of(1)[0].attributes.clear()
    assert sampler.select_phrases(1, whole_image) == []


def test_an_augmented_view_has_its_labels_in_their_places(tmp_path):
    source = write_apples(tmp_path)
    steps = [{"transform": {"flip": {}}}, {"transform": {"affine": {"degrees": 15}}}]
    sampler = ViewSampler(source, APPLE_PHRASES, 80, {"negatives": 1, "augmentation": steps, "jitter": True})
    for seed in range(3):
        view = sampler.sample(np.random.default_rng(seed))
        pixels = (view.images[0].data[:, 1::2, 1::2] + 1) / 2
        is_red = ((pixels[0] > 0.5) & (pixels[1] < 0.3)).numpy()
        labelled = np.logical_or.reduce([item.segment.numpy() for item in view.images[0].objects])
        assert (is_red & labelled).sum() / (is_red | labelled).sum() > 0.85


def test_phrases_of_an_attribute_that_the_augmentation_changes_are_not_trained(tmp_path):
    source = write_apples(tmp_path)
    scale = {"low": 0.8, "high": 0.8}
    for options, texts in ((scale, {"apple"}), ({**scale, "changes": []}, {"apple", "large apple"})):
        steps = [{"transform": {"scale": options}}]
        sampler = ViewSampler(source, APPLE_PHRASES, 80, {"negatives": 0, "augmentation": steps})
        view = sampler.sample(np.random.default_rng(0))
        assert {query.query_text for query in view.find_queries} == texts
