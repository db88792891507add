"""Kind `box`: the box of every instance, from the ground truth; tight, or with its edges moved (`jitter`)."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.prompts._seed import Seed
from samgap.prompts._spatial import box, rows
from samgap.truth import Truth


def prompts(truth: Truth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    return rows(truth, "box", lambda target: {"boxes": [box(target, options, seed)]})
