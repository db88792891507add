"""Random generators keyed by purpose, so that adding an image or a prompt set does not change other draws."""

import hashlib
import json
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Seed:
    """The seed of a run and the id of a data set."""

    run_seed: int | None
    """None if the prompt set declares that it draws nothing; a draw then raises ValueError."""
    dataset: str

    def make_rng(self, *key: str | int) -> np.random.Generator:
        """Return the generator of a key, for example an image's file name and the index of an instance in it.

        All prompt sets share the generator of a key: the first of five random points is the point of a set with one,
        and a box is jittered in the same direction, farther, in a set with a larger `jitter`. This allows paired
        comparisons of prompt sets.
        """
        return np.random.default_rng(_hash_to_int(self._get_run_seed(), self.dataset, *key))

    def make_subset_key(self, *key: str | int) -> int:
        """Return a number of an image or instance of the data set, for a sample that all its prompt sets share.

        The sample consists of those with the smallest numbers, so a larger sample contains a smaller one.
        """
        return _hash_to_int(self._get_run_seed(), self.dataset, "subset", *key)

    def make_sampling_key(self, text: str) -> int:
        """Return a number that depends only on a text and the seed of the run, for a sample that all data sets share.

        The sample consists of the texts with the smallest numbers.
        """
        return _hash_to_int(self._get_run_seed(), text)

    def _get_run_seed(self) -> int:
        if self.run_seed is None:
            raise ValueError(
                "this kind of prompts draws random numbers, but its SEED_OPTIONS say that it draws none with these "
                "options; correct them, or remove them"
            )
        return self.run_seed


def _hash_to_int(*key: str | int) -> int:
    return int.from_bytes(hashlib.sha256(json.dumps(key).encode()).digest(), "big")
