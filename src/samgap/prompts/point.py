"""Kind `point`: `points` points on every instance (deepest in its mask, anywhere in it, or on its edge: `place`), and
`negatives` points near it that are off it."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.prompts._points import points
from samgap.prompts._seed import Seed
from samgap.prompts._spatial import Target, rows
from samgap.truth import Truth


def prompts(truth: Truth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    def asked(target: Target) -> dict[str, Any] | None:
        found = points(target, options, seed)
        return {"points": found} if found else None

    return rows(truth, "point", asked)
