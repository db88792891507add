"""The exponential moving average of the weights (EMA), which is validated and kept instead of the last weights."""

import contextlib
from collections.abc import Iterator

import torch


class WeightAverage:
    """The moving average of the trained parameters of a model; without a decay, nothing."""

    def __init__(self, model: torch.nn.Module, decay: float | None) -> None:
        """Start with the present weights.

        Args:
            model: the model; its trained parameters are averaged.
            decay: the share of the average that a step keeps, 0 to 1; None: no average.
        """
        self.decay = decay
        self._parameters = {
            name: value for name, value in model.named_parameters() if decay is not None and value.requires_grad
        }
        self.values = {name: value.detach().clone() for name, value in self._parameters.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the present weights."""
        if self.decay is not None:
            torch._foreach_lerp_(
                list(self.values.values()), [value.data for value in self._parameters.values()], 1 - self.decay
            )

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the weights of the model and their average."""
        for name, value in self._parameters.items():
            weight = value.detach().clone()
            value.copy_(self.values[name])
            self.values[name].copy_(weight)

    @contextlib.contextmanager
    def used(self) -> Iterator[None]:
        """Use the average as the weights of the model in a `with` block."""
        self.swap()
        try:
            yield
        finally:
            self.swap()
