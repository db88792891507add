"""The vocabulary file that SAM3 and OWLv2 share."""

import gzip
from pathlib import Path

from samgap.models.runtime.vocabulary import find_bpe_vocabulary


def test_vocabulary_is_an_installed_file():
    path = Path(find_bpe_vocabulary())
    with gzip.open(path) as file:
        assert file.readline().startswith(b'"bpe_simple_vocab_16e6.txt#version')
