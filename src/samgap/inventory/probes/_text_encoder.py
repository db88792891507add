"""A small text encoder of the package sam3, with random weights."""

from sam3.model.text_encoder_ve import VETextEncoder
from sam3.model.tokenizer_ve import SimpleTokenizer

from samgap.models.runtime.vocabulary import find_bpe_vocabulary
from samgap.models.sam3.detector import build_text_encoder

SIZES = {"width": 8, "text-width": 16, "text-heads": 2, "text-layers": 1, "context": 32}
"""The sizes of the encoder, as in an architecture of `samgap.models.sam3`; the published one has 24 layers."""


def make_tokenizer() -> SimpleTokenizer:
    """Return the package's tokenizer."""
    return SimpleTokenizer(bpe_path=find_bpe_vocabulary())


def make_text_encoder() -> VETextEncoder:
    """Return a text encoder of one layer, in evaluation mode."""
    return build_text_encoder(SIZES).eval()
