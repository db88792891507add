"""Groups that leave nothing to resample, or that group nothing, are told."""

import pytest

from samgap.datasets.groups import warn_of_useless_groups

OPTIONS = {"groups": "^(.+)$"}


@pytest.mark.parametrize(
    ("options", "n_groups", "n_images", "message"),
    [
        (OPTIONS, 5, 5, "d: `groups` (^(.+)$) gives each of the 5 images its own group"),
        (OPTIONS, 1, 5, "d: `groups` (^(.+)$) puts all 5 images into one group"),
        (OPTIONS, 2, 5, None),
        (OPTIONS, 1, 1, None),
        ({}, 5, 5, None),
    ],
)
def test_useless_groups_are_told(logged_warnings, options, n_groups, n_images, message) -> None:
    warn_of_useless_groups("d", options, n_groups, n_images)
    assert [message in warning for warning in logged_warnings()] == ([True] if message else [])
