"""The builder of a small tracker."""

import torch

from samgap.models.sam3.tracker import build_small_tracker
from tests.helpers.demo_weights import SAM3_OPTIONS


def test_autocast_of_the_process_stays_off():
    build_small_tracker(SAM3_OPTIONS["architecture"])
    assert not torch.is_autocast_enabled("cuda")
