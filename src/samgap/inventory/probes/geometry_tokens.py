"""The tokens that SAM3's geometry encoder makes: without a prompt, with boxes, and whether they see each other."""

from collections.abc import Iterator

import torch
from sam3.model.geometry_encoders import Prompt, SequenceGeometryEncoder
from sam3.model_builder import _create_geometry_encoder

from samgap.inventory.probes import Measurement
from samgap.models.runtime.device import cuda_shim

EVIDENCE = "sam3/model/geometry_encoders.py: SequenceGeometryEncoder"
WIDTH, SIDE = 256, 8
"""Channels of the published encoder, and the side of the feature map."""


@torch.no_grad()
def measure() -> Iterator[Measurement]:
    """Yield the numbers of tokens, and the change of a box's token by another box and by the image."""
    encoder = _create_geometry_encoder().eval()
    image = torch.randn(SIDE * SIDE, 1, WIDTH)
    boxes = torch.tensor([[0.3, 0.3, 0.2, 0.2], [0.7, 0.7, 0.2, 0.2]])
    none, one, two = (_encode(encoder, boxes[:count], image) for count in range(3))
    yield Measurement("tokens-without-prompt", len(none), "tokens", EVIDENCE, "sam3", "the class token")
    yield Measurement("tokens-of-a-box", len(two) - len(one), "tokens", EVIDENCE, "sam3")
    by_box = float((two[0] - one[0]).abs().max())
    yield Measurement("change-by-another-box", by_box, "feature", EVIDENCE, "sam3", "of the first box's token")
    other = _encode(encoder, boxes[:1], torch.randn_like(image))
    by_image = float((other - one).abs().max())
    yield Measurement("change-by-the-image", by_image, "feature", EVIDENCE, "sam3", "of the first box's token")


def _encode(encoder: SequenceGeometryEncoder, boxes: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    """Return the tokens of positive boxes (n, 4) in an image (positions, 1, width)."""
    prompt = Prompt(
        box_embeddings=boxes[:, None],
        box_mask=torch.zeros(1, len(boxes), dtype=torch.bool),
        box_labels=torch.ones(len(boxes), 1, dtype=torch.long),
    )
    with cuda_shim("cpu"):
        tokens, _ = encoder(prompt, [image], [(SIDE, SIDE)], [torch.zeros_like(image)])
    return tokens[:, 0]
