"""Kind `box`: the tight box of every instance, from the ground truth."""

from collections.abc import Iterator, Mapping
from typing import Any

from samgap.prompts._spatial import box, instances, row
from samgap.truth import Truth


def prompts(truth: Truth, options: Mapping[str, Any], seed: int) -> Iterator[dict[str, Any]]:
    for item in instances(truth):
        yield row(item, "box", boxes=[box(item)])
