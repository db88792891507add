"""The size of a weights file of SAM3's video model: the bytes of its tensors, and what `torch.save` adds to them."""

import io
from collections.abc import Iterator

import torch

from samgap.inventory.models import VIDEO_MODEL, build_published
from samgap.inventory.probes import Measurement

EVIDENCE = "sam3/model_builder.py: build_sam3_video_model"


def measure() -> Iterator[Measurement]:
    """Yield the number and bytes of the tensors, the overhead of the file, and the bytes of the file."""
    tensors = build_published(VIDEO_MODEL).state_dict()
    n_bytes = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    overhead = _measure_overhead(list(tensors))
    yield Measurement("tensors", len(tensors), "tensors", EVIDENCE, "sam3")
    yield Measurement("tensor-bytes", n_bytes, "bytes", EVIDENCE, "sam3")
    yield Measurement("overhead-bytes", overhead, "bytes", "torch.save", "sam3", "names, shapes and file headers")
    yield Measurement("file-bytes", n_bytes + overhead, "bytes", EVIDENCE, "sam3", "tensors and overhead")


def _measure_overhead(names: list[str]) -> int:
    """Return what a file of as many one-element tensors of these names has besides their data, bytes."""
    file = io.BytesIO()
    torch.save({"model": {name: torch.zeros(1) for name in names}}, file)
    return len(file.getvalue()) - 4 * len(names)
