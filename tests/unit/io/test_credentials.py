"""Which names and values are those of credentials."""

import pytest

from samgap.io.credentials import TOKEN, is_random, is_secret_name, is_secret_option, is_secret_parameter

PLAIN_VALUES = (
    *(
        "1",
        "5",
        "12",
        "1048576",
        "1700000000",
        "true",
        "public",
        "download",
        "read-write",
        "isAllowed",
        "Results",
        "PNG",
    ),
    *(
        "GeoTIFF",
        "page12",
        "image_0012",
        "chapter-3",
        "sha256",
        "2024-01-01",
        "20240101T000000Z",
        "2030-01-01T00:00:00Z",
    ),
    *(
        "640x480",
        "100mb",
        "1h30m",
        "1e-05",
        "data/set1a.zip",
        "set1a.tar.gz",
        "apple, red",
        "1,2,3",
        "v1.2.3",
        "1280px",
    ),
)
"""Values of parameters that are pages, sizes, dates, words and files."""


@pytest.mark.parametrize(
    "name",
    [
        "view_only",
        "private_link",
        "code",
        "auth-code",
        "ticket",
        "token[]",
        "auth[token]",
        "hdnts",
        "q-ak",
        "jsessionid",
    ],
)
def test_a_name_of_a_secret_is_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["id", "download", "isAllowed", "sequence", "zipcode", "monkey", "turkey", "raw", "dl"]
)
def test_other_names_are_no_secrets(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3f786850e387550fdab836ed7e6dc881de23001b", True),
        ("AbCdEf0123456789", True),
        ("x-AbCdEf0123456789", True),
        ("20240101T000000Z", False),
        ("issuecomment-123456789", False),
        ("response-content-disposition", False),
        ("sam2.1_hiera_base_plus", False),
        ("123456789012345678901234", False),
    ],
)
def test_a_long_run_of_letters_and_digits_is_random(text: str, expected: bool) -> None:
    assert is_random(text) is expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("", "abc123longtoken", True),
        ("", "abcdefghijklmnopqrst", True),
        ("", "download", False),
        ("YWJjMTIzbG9uZ3Rva2Vu", "=", True),
        ("token", "x", True),
        ("token", "", False),
        ("st", "AbCdEf0123456789AbCd", False),
        ("share", "AbCdEf0123456789AbCd", True),
        ("versionId", "3HL4kqtJvjVBH40Nrjfkd", False),
        ("k", "abc12345678", True),
        ("tk", "abcdefgh", True),
        ("access", "abcd1234", True),
        ("p", "secretpw", True),
        ("p", "hunter2", True),
        ("p", "pear!plum", True),
        ("e", "AbCd12", True),
        ("e", "AbCdEf", True),
        ("e", "4%3aAbCd12", True),
        ("h", "a1b2c3d4e5", True),
        ("s", "1a2b3c4d", True),
        ("share", "qw34er56", True),
        *((name, value, False) for name in ("k", "p", "e", "s", "access", "link") for value in PLAIN_VALUES),
    ],
)
def test_a_parameter_is_a_secret_by_name_or_value(name: str, value: str, expected: bool) -> None:
    assert is_secret_parameter(name, value) is expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("password", "hunter2hunter2", True),
        ("api-key", "8f14e45fceea167a", True),
        ("api-key", "${API_KEY}", False),
        ("token", "token", False),
        ("tokenizer", "openai/clip-vit-base-patch16", False),
        ("org/tokens/", "https://mirror2.example/", False),
        ("noun", "Bearer of 2 apples", False),
        ("headers", "Authorization: Basic YTpiYzEy", True),
        ("headers", "Authorization: ${HEADER}", False),
        ("title", "authorization: needed", False),
        ("command", "tool --token a1", True),
        ("command", "tool --models sam2 --token $TOKEN1", False),
    ],
)
def test_a_value_of_an_option_is_a_secret_by_its_name_or_as_a_header(name: str, value: str, expected: bool) -> None:
    assert is_secret_option(name, value) is expected


@pytest.mark.parametrize("text", ["hf_" + "a" * 20, "AKIAABCDEFGHIJKLMNOP", "-----BEGIN RSA PRIVATE KEY-----"])
def test_a_token_is_known_by_its_form(text: str) -> None:
    assert TOKEN.search(f"x {text} y")
    assert not TOKEN.search("pypi-packages-with-long-names, hf_hub, mask-of-an-apple")
