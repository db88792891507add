"""Repeated sampling of training data, with a limit."""

from collections.abc import Callable
from typing import TypeVar

from samgap.errors import UserError

T = TypeVar("T")

MAX_ATTEMPTS = 1000
"""Number of samples without a usable object after which sampling stops. A usable share of 1 % fails with probability
4e-5."""


def retry_sample(sample: Callable[[], T | None], failure: str, max_attempts: int = MAX_ATTEMPTS) -> T:
    """Call `sample` until it returns a value that is not None, and return this value.

    Args:
        sample: samples at random; returns None if the sample cannot be used.
        failure: the message if no sample can be used: what, where, what to do.
        max_attempts: maximum number of calls.

    Raises:
        UserError: `failure`, after `max_attempts` calls.
    """
    for _ in range(max_attempts):
        value = sample()
        if value is not None:
            return value
    raise UserError(failure)
