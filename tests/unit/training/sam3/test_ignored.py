"""Detections and pixels of ignored instances have no loss."""

import numpy as np
import pytest
import torch

from samgap.training.sam3.ignored import hide_ignored_pixels, stack_ignored_boxes
from samgap.training.sam3.losses import build_criterion
from samgap.training.sam3.views import ViewSampler
from tests.helpers.training_data import APPLE_PHRASES, write_apples

# isort: split
from sam3.model.box_ops import box_xyxy_to_cxcywh
from sam3.train.data.collator import collate_fn_api

TARGET, IGNORED, ELSEWHERE = (0.1, 0.1, 0.3, 0.3), (0.5, 0.5, 0.9, 0.9), (0.1, 0.6, 0.3, 0.8)


def compute_gradients(ignored, detections, matched=(0,)):
    """Return the gradient of each detection's logit by the loss of scores; the detections `matched` are right."""
    logits = torch.zeros(1, len(detections), 1, requires_grad=True)
    boxes = torch.tensor([detections])
    targets = {
        "boxes_xyxy": torch.tensor([TARGET]),
        "object_ids_padded": torch.tensor([[1]]),
        "boxes_padded": box_xyxy_to_cxcywh(torch.tensor([[TARGET]])),
        "num_boxes": torch.tensor([1]),
        "is_exhaustive": torch.tensor([True]),
        "ignored_boxes": torch.tensor([ignored]).reshape(1, -1, 4),
    }
    outputs = {"pred_logits": logits, "pred_boxes_xyxy": boxes, "pred_boxes": box_xyxy_to_cxcywh(boxes)}
    outputs["presence_logit_dec"] = torch.zeros(1, 1)
    indices = (torch.zeros(len(matched), dtype=torch.long), torch.tensor(matched), torch.zeros(len(matched)).long())
    loss = next(each for each in build_criterion({}).loss_fns_find if "loss_ce" in each.weight_dict)
    loss.get_loss(outputs, targets, indices, 1.0)["loss_ce"].backward()
    return logits.grad.flatten().tolist()


def test_an_unmatched_detection_of_an_ignored_instance_has_no_loss():
    detections = [TARGET, (0.55, 0.55, 0.8, 0.85), ELSEWHERE]
    target, excused, false = compute_gradients([IGNORED], detections)
    assert target < 0 and abs(excused) < 1e-9 and false > 0
    assert all(gradient > 0 for gradient in compute_gradients([], detections)[1:])


@pytest.mark.parametrize(("x1", "is_excused"), [(0.89, True), (1.3, True), (1.32, False)])
def test_half_of_the_detection_must_be_in_the_ignored_box(x1, is_excused):
    gradient = compute_gradients([IGNORED], [TARGET, (0.5, 0.6, x1, 0.8)])[1]
    assert (abs(gradient) < 1e-9) == is_excused


def test_a_matched_detection_keeps_its_loss_in_an_ignored_box():
    assert compute_gradients([(0.0, 0.0, 1.0, 1.0)], [TARGET, ELSEWHERE])[0] < 0


def test_pixels_of_ignored_boxes_are_hidden_except_those_of_targets():
    logits = torch.zeros(2, 1, 8, 8, requires_grad=True)
    masks = torch.zeros(1, 16, 16, dtype=torch.bool)
    masks[0, 8:12, 8:12] = True
    ignored = torch.tensor([[IGNORED], [(0.0, 0.0, 0.0, 0.0)]])
    targets = {"ignored_boxes": ignored, "masks": masks, "num_boxes": torch.tensor([1, 0])}
    hidden = hide_ignored_pixels({"semantic_seg": logits}, targets)["semantic_seg"] < 0
    expected = torch.zeros(8, 8, dtype=torch.bool)
    expected[4:7, 4:7] = True
    expected[4:6, 4:6] = False
    assert torch.equal(hidden[0, 0], expected) and not hidden[1].any()


def test_ignored_boxes_are_in_the_order_of_the_collator(tmp_path):
    folders = [tmp_path / name for name in ("cut", "whole")]
    for folder in folders:
        folder.mkdir()
    # A large apple, and one that is too small to count in a view of 80 px.
    cut = write_apples(folders[0], boxes=[(10, 20, 30, 40), (50, 50, 52, 53)])
    whole = write_apples(folders[1])
    views = [
        ViewSampler(source, APPLE_PHRASES, 80, {"negatives": 1}).sample(np.random.default_rng(1))
        for source in (whole, cut, whole)
    ]
    batch = collate_fn_api(views, dict_key="all", with_seg_masks=True)["all"]
    texts = [batch.find_text_batch[index] for index in batch.find_inputs[0].text_ids]
    assert texts == [query.query_text for view in views for query in view.find_queries]
    boxes = stack_ignored_boxes(views)
    has_ignored = (boxes[..., 2] > 0).any(dim=1).tolist()
    images = batch.find_inputs[0].img_ids.tolist()
    expected = [image == 1 and "apple" in text for image, text in zip(images, texts, strict=True)]
    assert has_ignored == expected and any(has_ignored)
    [box] = {tuple(row) for rows in boxes.tolist() for row in rows if row[2] > 0}
    assert box in [
        pytest.approx((50 / 80, 50 / 80, 52 / 80, 53 / 80)),
        pytest.approx((28 / 80, 50 / 80, 0.375, 53 / 80)),
    ]
