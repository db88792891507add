"""First prompts of SAM2, their corrective clicks, and rough masks."""

import numpy as np
import pytest
import torch

from samgap.training.sam2.clicks import (
    PROMPT_PROBABILITIES,
    PROMPT_PROBABILITIES_WITH_MASKS,
    ObjectPrompts,
    add_correction_click,
    sample_first_prompts,
    sample_rough_masks,
)
from tests.helpers.discs import SIDE, make_loader


def test_each_object_has_one_first_prompt_with_the_labels_of_its_kind(discs):
    labels = {"box": [2, 3], "point": [1], "point-box": [1, 2, 3], "mask": [], "point-mask": [1]}
    batch = make_loader(discs, "masks.json", batch=12).sample_batch(np.random.default_rng(0))
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
    estimated = make_loader(discs, "boxes.json", batch=12).sample_batch(np.random.default_rng(0))
    assert len(list(sample_first_prompts(estimated, SIDE, True, np.random.default_rng(1)))) <= len(PROMPT_PROBABILITIES)


@pytest.mark.parametrize(("predicted", "label"), [(-1.0, 1), (1.0, 0)])
def test_a_corrective_click_is_where_the_prediction_is_wrong(discs, predicted, label):
    torch.manual_seed(0)
    batch = make_loader(discs, "masks.json").sample_batch(np.random.default_rng(0))
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


def test_a_rough_mask_overlaps_the_mask_without_being_equal(discs):
    batch = make_loader(discs, "masks.json").sample_batch(np.random.default_rng(0))
    overlaps = []
    for seed in range(20):
        rough = sample_rough_masks(batch.masks, SIDE, np.random.default_rng(seed))[:, 0] > 0
        coarse = torch.nn.functional.interpolate(batch.masks[:, None], rough.shape[-2:], mode="area")[:, 0] > 0.5
        overlaps += ((rough & coarse).sum((1, 2)) / (rough | coarse).sum((1, 2))).tolist()
    assert min(overlaps) > 0.3 and np.mean(overlaps) > 0.55 and min(overlaps) < 0.9
