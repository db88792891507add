"""Options of a model that trade exactness for speed: `precision`, `compile` and `channels-last`.

All are off by default. The predictions with any of them differ from those in 32-bit floats by no more than the
tolerances in tests/unit/models/runtime/test_precision.py.
"""

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from samgap.errors import UserError


@dataclass(frozen=True)
class Precision:
    """The number format, compilation and memory layout of a model."""

    dtype: str = "fp32"
    compiled: bool = False
    channels_last: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Precision":
        """Return the precision of a configuration entry `models.<id>`."""
        return cls(options.get("precision", "fp32"), bool(options.get("compile")), bool(options.get("channels-last")))

    def autocast(self, device: str) -> contextlib.AbstractContextManager[Any]:
        """Return a context in which matrix products and convolutions use bf16 if `dtype` is `bf16`, else 32-bit floats.

        Autocast is switched off explicitly, as a package may have entered it for the whole process.
        """
        return torch.autocast(device, dtype=torch.bfloat16, enabled=self.dtype == "bf16")

    def prepare_encoder(self, encoder: Any, device: str) -> None:
        """Set the memory layout of an image encoder and compile its `forward`, in place.

        Args:
            encoder: a module whose `forward` takes an image batch (n, 3, height, width).
            device: `cpu` or `cuda`.

        Raises:
            UserError: `compile` on a CPU without a C++ compiler. On a GPU Triton compiles.
        """
        if self.channels_last:
            encoder.to(memory_format=torch.channels_last)
        forward: Callable[..., Any] = encoder.forward
        if self.compiled:
            if device == "cpu" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
                raise UserError(
                    "compile: true, but there is no C++ compiler on this machine; install g++, or remove `compile`"
                )
            # Set by samgap.models.runtime.device; it disables torch.compile.
            os.environ.pop("TORCHDYNAMO_DISABLE", None)
            forward = torch.compile(forward)
        if self.channels_last:
            inner_forward = forward

            def forward(pixels: torch.Tensor, *args: Any) -> Any:
                return inner_forward(pixels.contiguous(memory_format=torch.channels_last), *args)

        encoder.forward = forward


FP32 = Precision()
"""32-bit floats, not compiled."""
