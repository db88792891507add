"""A small text encoder of the package sam3, with random weights."""

from sam3.model.text_encoder_ve import VETextEncoder
from sam3.model.tokenizer_ve import SimpleTokenizer
from torch import nn

from samgap.models.runtime.vocabulary import find_bpe_vocabulary


def make_tokenizer() -> SimpleTokenizer:
    """Return the package's tokenizer."""
    return SimpleTokenizer(bpe_path=find_bpe_vocabulary())


def make_text_encoder() -> VETextEncoder:
    """Return a text encoder of one layer, in evaluation mode."""
    encoder = VETextEncoder(d_model=8, tokenizer=make_tokenizer(), width=16, heads=2, layers=1)
    # The package leaves these uninitialized, as it expects a checkpoint.
    nn.init.normal_(encoder.encoder.positional_embedding)
    nn.init.normal_(encoder.encoder.text_projection)
    return encoder.eval()
