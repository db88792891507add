"""Randomness that hangs on what it is for: another image or prompt set more changes nobody else's."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seed:
    """A run's seed and the data set's id."""

    run_seed: int
    dataset: str

    def make_rng(self, *key: str | int) -> np.random.Generator:
        """The generator of `key`, say an image's file name and the place of an instance in it.

        Prompt sets share it: of random points the first is the same in a set of one and a set of five, and a box is
        moved the same way, just farther, in a set of a larger `jitter`; so sets are compared pair by pair.
        """
        return np.random.default_rng(_hash_to_int(self.run_seed, self.dataset, *key))

    def sampling_key(self, text: str) -> int:
        """A number for `text`, the same on every data set; the least ones are a sample."""
        return _hash_to_int(self.run_seed, text)


def _hash_to_int(*key: str | int) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(key).encode()).digest(), "big")
