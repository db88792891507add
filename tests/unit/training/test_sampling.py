"""Repeated sampling ends with the first usable sample, or with an error."""

import pytest

from samgap.errors import UserError
from samgap.training.sampling import retry_sample


def test_the_first_sample_that_is_not_none_is_returned():
    samples = iter([None, None, 0, 5])
    assert retry_sample(lambda: next(samples), "nothing") == 0
    assert next(samples) == 5


def test_too_many_unusable_samples_are_an_error_with_the_given_message():
    n_calls = []
    with pytest.raises(UserError, match="^nothing here; use other data$"):
        retry_sample(lambda: n_calls.append(1), "nothing here; use other data", max_attempts=7)
    assert len(n_calls) == 7
