"""The vocabulary of CLIP's tokenizer, which SAM3 and OWLv2 use."""

import importlib.util
from pathlib import Path


def find_bpe_vocabulary() -> str:
    """Return the path of the byte-pair-encoding vocabulary.

    The wheel of sam3 lacks the file; open_clip ships an identical one.
    """
    package = importlib.util.find_spec("open_clip")
    assert package is not None and package.origin is not None
    return str(Path(package.origin).parent / "bpe_simple_vocab_16e6.txt.gz")
