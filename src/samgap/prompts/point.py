"""Kind `point`: one point on every instance, at the deepest place of its mask."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.prompts._spatial import centre, instances, row
from samgap.truth import Truth


def prompts(truth: Truth, options: Mapping[str, Any], seed: int) -> Iterator[dict[str, Any]]:
    for item in instances(truth):
        point = centre(item)
        if point is not None:
            yield row(item, "point", points=[point])
