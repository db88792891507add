"""The parts of addresses, and the parameters in them."""

import pytest

from samgap.io.addresses import Address, Parameter, iter_parameters, iter_user_infos, split_address


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("https://me:pw@host:80/a/b.zip?x=1#y", ("https://", "me:pw", "host:80/a/b.zip", "x=1", "y")),
        ("https://u:p@ss@host/", ("https://", "u:p@ss", "host/", "", "")),
        ("https://u:p/s?s#x@host/a", ("https://", "u:p/s?s#x", "host/a", "", "")),
        ("https://host:80/a@b.zip", ("https://", "", "host:80/a@b.zip", "", "")),
        ("https://host:${PORT}/a@b.zip", ("https://", "", "host:${PORT}/a@b.zip", "", "")),
        ("https://[::1]:80/a@b.zip", ("https://", "", "[::1]:80/a@b.zip", "", "")),
        ("${URL}?x=1", ("", "", "${URL}", "x=1", "")),
        ("data/a.zip", ("", "", "data/a.zip", "", "")),
    ],
)
def test_an_address_has_five_parts(url: str, parts: tuple[str, ...]) -> None:
    assert split_address(url) == Address(*parts)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://host/x/a%20b.zip?c=d/e", "a b.zip"),
        ("https://host/a.zip;token=b", "a.zip"),
        ("https://host/x/", "x"),
        ("https://host", ""),
        ("${URL}", "${URL}"),
        ("a.zip", "a.zip"),
    ],
)
def test_the_name_of_the_file_is_the_last_part_of_the_path(url: str, name: str) -> None:
    assert split_address(url).file_name == name


@pytest.mark.parametrize(
    ("text", "user_infos"),
    [
        ("https://u:p@ss@host/", {"u:p@ss"}),
        ("https://a:b@host/ and 'https://c:d/e@host/'", {"a:b", "c:d/e"}),
        ("https://u:p s'@host/", {"u:p s'"}),
        ("https://a/?url=https%3A%2F%2Fu%3Ap%40host", {"u:p"}),
        ("https://host/a@b, me@host", set()),
    ],
)
def test_all_user_infos_of_a_text_are_found(text: str, user_infos: set[str]) -> None:
    assert set(iter_user_infos(text)) - {""} == user_infos


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("https://host/a?x=1&y=#z=2", [("?", "x", "1"), ("&", "y", ""), ("#", "z", "2")]),
        ("https://host/a;v=1/b?c", [(";", "v", "1/b"), ("?", "", "c")]),
        ("https://host/a?url=https://b/?c=d", [("?", "url", "https://b/"), ("?", "c", "d")]),
        ("a.zip?c=d", [("?", "c", "d")]),
        ("a;b=c", []),
        ("Which apple? The ripe one; key = none", []),
    ],
)
def test_parameters_are_found_with_their_separators(text: str, parameters: list[tuple[str, str, str]]) -> None:
    found = list(iter_parameters(text))
    assert found == [Parameter(*parts) for parts in parameters]


def test_parameters_of_an_encoded_address_are_found() -> None:
    assert Parameter("?", "token", "x") in iter_parameters("https://a/?url=https%3A%2F%2Fb%2F%3Ftoken%3Dx")
    assert Parameter("?", "token", "x") in iter_parameters("https://a/?url=https%253A%252F%252Fb%252F%253Ftoken%253Dx")
