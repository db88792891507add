"""What SAM3 compares with a query: its scoring head on tokens in two orders, and its scale and limits."""

from collections.abc import Iterator

import torch
from sam3.model_builder import _create_dot_product_scoring

from samgap.inventory.probes import Measurement

EVIDENCE = "sam3/model/model_misc.py: DotProductScoring"
WIDTH = 256


@torch.no_grad()
def measure() -> Iterator[Measurement]:
    """Yield the effect of the order of tokens, the learned scalars, the scale and the limit of the scores."""
    head = _create_dot_product_scoring().eval()
    queries, tokens = torch.randn(1, 1, 4, WIDTH), torch.randn(5, 1, WIDTH)
    mask = torch.zeros(1, 5, dtype=torch.bool)
    change = float((head(queries, tokens, mask) - head(queries, tokens.flip(0), mask)).abs().max())
    yield Measurement(
        "effect-of-order", round(change, 5), "score", EVIDENCE, "sam3", "the mean of the prompt's tokens is compared"
    )
    scalars = [name for name, parameter in head.named_parameters() if parameter.numel() == 1]
    yield Measurement("temperatures", len(scalars), "parameters", EVIDENCE, "sam3", "learned scalars")
    yield Measurement("scale", head.scale, "factor", EVIDENCE, "sam3", f"1 / √{WIDTH}")
    largest = float(head(1000 * queries, 1000 * tokens, mask).abs().max())
    yield Measurement("limit", largest, "logit", EVIDENCE, "sam3", "largest absolute score")
