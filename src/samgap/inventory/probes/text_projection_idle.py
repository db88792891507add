"""Whether SAM3's text encoder uses its projection into the joint space of Perception Encoder: gradients on it."""

from collections.abc import Iterator

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._text_encoder import make_text_encoder

EVIDENCE = "sam3/model/text_encoder_ve.py: VETextEncoder.forward"


def measure() -> Iterator[Measurement]:
    """Yield how many elements of the projection, and of the token embedding, the encoder's outputs depend on."""
    encoder = make_text_encoder()
    _, tokens, embeddings = encoder(["ripe apple"], device="cpu")
    (tokens.square().sum() + embeddings.square().sum()).backward()
    projection = encoder.encoder.text_projection
    used = 0 if projection.grad is None else int(projection.grad.count_nonzero())
    yield Measurement(
        "used-elements",
        used,
        "elements",
        EVIDENCE,
        "sam3",
        f"with a gradient, of {projection.numel()} in a small encoder",
    )
    control = int(encoder.encoder.token_embedding.weight.grad.count_nonzero())
    yield Measurement("used-embedding-elements", control, "elements", EVIDENCE, "sam3", "control: the token embedding")
