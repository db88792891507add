"""The builders of a small tracker and of the interactive head."""

import torch

from samgap.models.sam3.tracker import build_small_head, build_small_tracker
from tests.helpers.demo_weights import SAM3_OPTIONS


def test_autocast_of_the_process_stays_off():
    build_small_tracker(SAM3_OPTIONS["architecture"])
    assert not torch.is_autocast_enabled("cuda")


def test_a_head_without_memory_has_the_prompt_encoder_and_the_mask_decoder_alone():
    whole, without = (build_small_head(SAM3_OPTIONS["architecture"], tracks=tracks) for tracks in (True, False))
    kept = {name.split(".")[1] for name in without.state_dict()}
    assert kept == {"sam_prompt_encoder", "sam_mask_decoder", "no_mem_embed"}
    removed = {name.split(".")[1] for name in whole.state_dict()} - kept
    assert {"transformer", "maskmem_backbone", "obj_ptr_proj"} < removed


def test_holes_are_filled_up_to_the_same_share_of_the_mask_as_in_the_published_model():
    head = build_small_head({**SAM3_OPTIONS["architecture"], "size": 384, "patch": 16})
    assert head._transforms.max_hole_area / 96**2 == 256 / 288**2
