"""SAM3's tokenizer: its vocabulary, its context, and the pieces of phrases in English and in other languages."""

import inspect
from collections.abc import Iterator

from sam3.model.text_encoder_ve import VETextEncoder

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._text_encoder import make_tokenizer

EVIDENCE = "sam3/model/tokenizer_ve.py: SimpleTokenizer"
PHRASES = {"english": "ripe apples", "german": "reife Äpfel", "chinese": "成熟的苹果"}


def measure() -> Iterator[Measurement]:
    """Yield the sizes of vocabulary and context, and the pieces of each phrase."""
    tokenizer = make_tokenizer()
    yield Measurement("vocabulary", tokenizer.vocab_size, "tokens", EVIDENCE, "sam3")
    for language, phrase in PHRASES.items():
        pieces = tokenizer.encode(phrase)
        yield Measurement(f"pieces-{language}", len(pieces), "pieces", EVIDENCE, "sam3", f"“{phrase}”")
    context = inspect.signature(VETextEncoder).parameters["context_length"].default
    sentence = " ".join(["apple"] * 60)
    kept = int((tokenizer([sentence], context_length=context) != 0).sum())
    yield Measurement("context", context, "tokens", "sam3/model/text_encoder_ve.py: VETextEncoder", "sam3")
    yield Measurement(
        "kept-words", kept - 2, "tokens", EVIDENCE, "sam3", "of a sentence of 60; two more tokens mark start and end"
    )
    changed = sum(tokenizer.encode(phrase.upper()) != tokenizer.encode(phrase) for phrase in PHRASES.values())
    yield Measurement("case-sensitive-phrases", changed, "phrases", EVIDENCE, "sam3", "pieces change with upper case")
