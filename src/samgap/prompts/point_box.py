"""Kind `point-box`: the tight box of every instance together with its centre point."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.prompts._spatial import box, centre, instances, row
from samgap.truth import Truth


def prompts(truth: Truth, options: Mapping[str, Any], seed: int) -> Iterator[dict[str, Any]]:
    for item in instances(truth):
        point = centre(item)
        if point is not None:
            yield row(item, "point-box", points=[point], boxes=[box(item)])
