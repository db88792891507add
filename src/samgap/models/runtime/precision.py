"""Options of a model that trade exactness for speed: `precision`, `compile`, `channels-last`.

All are off unless a model's entry asks for them; then its answers are those of plain 32-bit floats within the
tolerances of tests/unit/models/test_speed.py.
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
    """How a model's numbers are worked out."""

    dtype: str = "fp32"
    compiled: bool = False
    channels_last: bool = False

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "Precision":
        """What a model's entry of the configuration says."""
        return cls(options.get("precision", "fp32"), bool(options.get("compile")), bool(options.get("channels-last")))

    def autocast(self, device: str) -> contextlib.AbstractContextManager[Any]:
        """Inside it matrix products and convolutions are in bf16, where `precision` is."""
        if self.dtype == "bf16":
            return torch.autocast(device, dtype=torch.bfloat16)
        return contextlib.nullcontext()

    def prepare_encoder(self, encoder: Any, device: str) -> None:
        """Change the image encoder, a module, in place: how its weights lie in memory, and what its `forward` is.

        `compile` without a C++ compiler on a CPU raises UserError; on a GPU Triton compiles.
        """
        if self.channels_last:
            encoder.to(memory_format=torch.channels_last)
        forward: Callable[..., Any] = encoder.forward
        if self.compiled:
            if device == "cpu" and not any(map(shutil.which, ("c++", "g++", "clang++"))):
                raise UserError(
                    "compile: true, but there is no C++ compiler on this machine; install g++, or leave `compile` out"
                )
            os.environ.pop(
                "TORCHDYNAMO_DISABLE", None
            )  # set in samgap.models.runtime.device; nothing is compiled with it
            forward = torch.compile(forward)
        if self.channels_last:
            inner = forward

            def forward(pixels: torch.Tensor, *more: Any) -> Any:
                return inner(pixels.contiguous(memory_format=torch.channels_last), *more)

        encoder.forward = forward


FP32 = Precision()
"""32-bit floats, nothing compiled."""
