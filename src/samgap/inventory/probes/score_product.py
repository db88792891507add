"""How SAM3 scores a detection: its image processor on the outputs of a model that predicts given logits."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import torch
from sam3.model.sam3_image_processor import Sam3Processor

from samgap.inventory.probes import Measurement

EVIDENCE = "sam3/model/sam3_image_processor.py: Sam3Processor._forward_grounding"


def measure() -> Iterator[Measurement]:
    """Yield the largest difference of the scores from sigmoid(query) · sigmoid(presence)."""
    queries, presence = torch.tensor([[[2.0], [0.5], [-1.0]]]), torch.tensor([[0.25]])
    outputs = {
        "pred_boxes": torch.rand(1, 3, 4),
        "pred_logits": queries,
        "pred_masks": torch.randn(1, 3, 4, 4),
        "presence_logit_dec": presence,
    }
    model: Any = SimpleNamespace(forward_grounding=lambda **_: outputs)
    processor = Sam3Processor(model, device="cpu", confidence_threshold=0.0)
    state: dict[str, Any] = {"backbone_out": {}, "geometric_prompt": None, "original_height": 4, "original_width": 4}
    scores = processor._forward_grounding(state)["scores"]
    product = (queries.sigmoid() * presence.sigmoid()).flatten()
    difference = float((scores - product).abs().max())
    yield Measurement("difference-from-product", difference, "score", EVIDENCE, "sam3", "three queries")
    alone = float((scores - queries.sigmoid().flatten()).abs().max())
    yield Measurement("difference-from-query", alone, "score", EVIDENCE, "sam3", "control: without presence")
