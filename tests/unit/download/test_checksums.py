"""Comparison of checksums with the expected ones."""

import pytest

from samgap.download.checksums import is_verified, verify_checksums
from samgap.download.errors import ChecksumMismatch

ACTUAL = {"sha256": "a" * 64, "md5": "b" * 32, "size": 3}


@pytest.mark.parametrize(
    ("expected", "second_hand", "is_owners"),
    [
        ({"sha256": "A" * 64}, False, True),
        ({"md5": "b" * 32, "size": 3}, False, True),
        ({"size": 3}, False, False),
        ({}, False, False),
        ({"sha256": "a" * 64}, True, False),
        ({"sha256": "0" * 64}, True, False),
    ],
)
def test_only_a_checksum_of_the_owner_verifies_a_file(expected: dict, second_hand: bool, is_owners: bool) -> None:
    assert is_verified(ACTUAL, expected, second_hand) is is_owners


def test_a_checksum_that_differs_does_not_verify_a_file() -> None:
    assert not is_verified(ACTUAL, {"sha256": "0" * 64, "md5": "b" * 32}, second_hand=False)


def test_a_difference_from_a_checksum_of_the_owner_is_an_error() -> None:
    with pytest.raises(ChecksumMismatch, match=f"a.bin: md5 is {'b' * 32}, not {'0' * 32} as configured") as caught:
        verify_checksums(ACTUAL, {"md5": "0" * 32}, False, "a.bin")
    assert caught.value.actual == ACTUAL
