"""The loss terms of SAM3: their weights, and the pixels and queries that they leave out."""

import pytest
import torch
from sam3.train.transforms.segmentation import InstanceToSemantic

from samgap.errors import UserError
from samgap.training.sam3 import task as sam3
from samgap.training.sam3.losses import LOSS_WEIGHTS, build_criterion
from tests.helpers import training_tasks

SEMANTIC_TERMS = ("loss_semantic_seg", "loss_semantic_dice")


def list_weights(criterion):
    """Return the weights of all loss terms of the package's criterion, by name."""
    losses = [*criterion.loss_fns_find, criterion.loss_fn_semantic_seg]
    weights = {name: value for loss in losses for name, value in loss.weight_dict.items()}
    return {**weights, "one_to_many": criterion.o2m_weight}


def test_loss_weights_are_the_published_ones_unless_they_are_configured():
    assert list_weights(build_criterion({})) == LOSS_WEIGHTS
    changed = {"loss_bbox": 1.5, "loss_semantic_dice": 0.0, "one_to_many": 0.5}
    assert list_weights(build_criterion(changed)) == {**LOSS_WEIGHTS, **changed}


def test_an_unknown_loss_weight_is_an_error_that_names_the_known_ones():
    with pytest.raises(UserError, match="loss-weights names 'loss_match', .* it has loss_bbox, .*, one_to_many"):
        build_criterion({"loss_match": 1.0})


def compute_semantic_terms(logits, masks, counts, is_exhaustive):
    outputs = {"semantic_seg": logits, "presence_logit": None}
    targets = {
        "semantic_masks": None,
        "masks": masks,
        "num_boxes": torch.tensor(counts),
        "is_exhaustive": torch.tensor(is_exhaustive),
    }
    return build_criterion({}).loss_fn_semantic_seg(outputs, targets)


@pytest.mark.parametrize("counts", [[2, 1, 1], [2, 0, 2]])
def test_a_query_with_labels_that_are_not_exhaustive_has_no_semantic_loss(counts):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 1, 8, 8, generator=generator, requires_grad=True)
    masks = torch.rand(4, 8, 8, generator=generator) > 0.7
    terms = compute_semantic_terms(logits, masks, counts, [True, True, False])
    expected = compute_semantic_terms(logits[:2], masks[: sum(counts[:2])], counts[:2], [True, True])
    for name in SEMANTIC_TERMS:
        assert terms[name].item() == pytest.approx(expected[name].item()) and terms[name].item() > 0
    terms["core_loss"].backward()
    assert logits.grad[0].abs().sum() > 0 and logits.grad[2].abs().sum() == 0


def test_without_a_query_with_exhaustive_labels_the_semantic_loss_is_zero():
    logits = torch.randn(2, 1, 8, 8, requires_grad=True)
    terms = compute_semantic_terms(logits, torch.ones(2, 8, 8, dtype=torch.bool), [1, 1], [False, False])
    assert all(terms[name].item() == 0 for name in SEMANTIC_TERMS)
    terms["core_loss"].backward()
    assert logits.grad.abs().sum() == 0


def compute_mask_terms(masks, is_valid, **weights):
    """Return the terms of the masks of two matched objects, from a criterion with `weights`."""
    loss = next(loss for loss in build_criterion(weights).loss_fns_find if "loss_mask" in loss.weight_dict)
    targets = {"masks": masks, "is_valid_mask": torch.tensor(is_valid), "num_boxes": torch.tensor([len(is_valid)])}
    indices = (torch.zeros(len(is_valid), dtype=torch.long), torch.arange(len(is_valid)), None)
    logits = torch.randn(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    return loss(outputs={"pred_masks": logits}, targets=targets, indices=indices, num_boxes=torch.tensor(2.0))


def test_the_losses_of_masks_are_not_silently_zero_without_masks():
    masks = torch.ones(2, 8, 8, dtype=torch.bool)
    assert compute_mask_terms(masks, [True, True])["loss_mask"] > 0
    assert compute_mask_terms(masks, [True, False])["loss_mask"] > 0  # one of the objects has a mask
    for missing in (None, masks):
        with pytest.raises(UserError, match="no object of a batch has a mask, .*loss_mask: 0, loss_dice: 0"):
            compute_mask_terms(missing, [False, False])
    assert compute_mask_terms(None, [False, False], loss_mask=0, loss_dice=0)["loss_mask"] == 0  # as configured
    assert compute_mask_terms(None, [])["loss_mask"] == 0  # no object, nothing to segment


def test_the_packages_transform_that_removes_masks_is_an_error_in_training(orchard_source, tmp_path, monkeypatch):
    task = training_tasks.open_task(sam3, training_tasks.SAM3_MODEL, orchard_source, tmp_path)
    (sampler,) = task.samplers
    sample = sampler.sample

    def sample_without_masks(rng):
        view = sample(rng)
        for image in view.images:
            for item in image.objects:
                item.segment = item.segment.to(torch.uint8)
                image.size = tuple(item.segment.shape)
        return InstanceToSemantic()(view)

    monkeypatch.setattr(sampler, "sample", sample_without_masks)
    task.model.train()
    with pytest.raises(UserError, match="no object of a batch has a mask"):
        training_tasks.compute_losses(task, 4)
