"""Kind `point-box`: the box of every instance together with points; the options are those of both kinds."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.prompts._points import points
from samgap.prompts._seed import Seed
from samgap.prompts._spatial import Target, box, rows
from samgap.truth import Truth


def prompts(truth: Truth, options: Mapping[str, Any], seed: Seed) -> Iterator[dict[str, Any]]:
    def asked(target: Target) -> dict[str, Any] | None:
        found = points(target, options, seed)
        return {"points": found, "boxes": [box(target, options, seed)]} if found else None

    return rows(truth, "point-box", asked)
