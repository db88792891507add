"""Whether SAM3's text encoder is causal: the effect of the last word of a phrase on the tokens before it."""

from collections.abc import Iterator

import torch

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._text_encoder import make_text_encoder

EVIDENCE = "sam3/model/text_encoder_ve.py: TextTransformer.build_causal_mask"


@torch.no_grad()
def measure() -> Iterator[Measurement]:
    """Yield the largest change of the features before the changed word, and of its own."""
    encoder = make_text_encoder()
    features = [encoder([phrase], device="cpu")[1][:, 0] for phrase in ("ripe apple", "ripe pear")]
    change = (features[0] - features[1]).abs().amax(dim=1)
    position = 2  # after the start and "ripe"
    yield Measurement("change-before", float(change[:position].max()), "feature", EVIDENCE, "sam3", "start and “ripe”")
    yield Measurement("change-at", float(change[position]), "feature", EVIDENCE, "sam3", "control: the changed word")
