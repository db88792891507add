"""The parts of an address (URL): its user info, path, query and fragment, and the parameters in them.

All code that looks for credentials in addresses uses this module, so that all of it sees the same parts.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

_PORT = r":(?!\d+(?:[/?#\s]|$)|\$\{)"
"""A colon that no port follows, so that a password does; a reference `${NAME}` can be a port."""
USER_INFO = re.compile(rf"(?<=://)(?:[^/?#\s'\"<>]*|[^/?#\s'\"<>@\[]*{_PORT}[^\s'\"<>]*)@")
"""`user:password@` in a text, up to the last `@`. A password can have an `@`, a `/`, a `?` and a `#` in it."""
_ADDRESS = re.compile(
    r"(?P<scheme>[^/?#:]*://)?"
    rf"(?:(?<=://)(?P<user_info>[^/?#]*|[^/?#@\[]*{_PORT}.*)@)?"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
_NESTED = re.compile(r"%(?:3[aAbBdDfF]|2[356fF]|40)")
"""An encoded `:`, `;`, `=`, `?`, `#`, `%`, `&`, `/` or `@`, as in an address that is a parameter of another one."""


@dataclass(frozen=True)
class Address:
    """The parts of an address, as written. A part that it does not have is empty."""

    scheme: str
    """With `://`."""
    user_info: str
    """User name and password, without the `@`."""
    path: str
    """Host and path, with the parameters of the path (`;name=value`)."""
    query: str
    fragment: str

    @property
    def file_name(self) -> str:
        """The decoded last part of the path, without its parameters; empty if there is only a host."""
        path = self.path.partition("/")[2] if self.scheme else self.path
        return PurePosixPath(unquote(path)).name.partition(";")[0]


@dataclass(frozen=True)
class Parameter:
    """A parameter of an address: `name=value`, or a text without `=`, which is the value of an empty name."""

    separator: str
    """The character before it: `?`, `&`, `;` or `#`."""
    name: str
    value: str


def split_address(url: str) -> Address:
    """Return the parts of an address, or of a path that has a query."""
    match = _ADDRESS.fullmatch(url)
    assert match  # every text matches
    return Address(**{name: part or "" for name, part in match.groupdict().items()})


def iter_user_infos(text: str) -> Iterator[str]:
    """Yield the user infos (without the `@`) of all addresses in a text, also of those in parameters of others."""
    for form in _decode(text):
        found = [match[0][:-1] for match in USER_INFO.finditer(form)]
        # If the text is an address, a password can have spaces and quotes in it.
        yield from dict.fromkeys([split_address(form).user_info, *found])


def iter_parameters(text: str) -> Iterator[Parameter]:
    """Yield the parameters of the addresses in a text, also of addresses that are parameters of others.

    Parameters of the path (`;name=value` before a `?`) and texts without `=` are found in addresses alone, since prose
    has `;` and `?`, too. An address has a scheme, or starts with a reference `${NAME}`.
    """
    for form in _decode(text):
        is_address = "://" in form or form.startswith("${")
        tail = "".join(re.split(r"([?#;])" if is_address else r"([?#])", form, maxsplit=1)[1:])
        for separator, name, equals, value in re.findall(r"([?&;#])([^=&;#?\s]*)(=?)([^&;#?\s]*)", tail):
            if equals:
                yield Parameter(separator, name, value)
            elif is_address and name:
                yield Parameter(separator, "", name)


def _decode(text: str) -> Iterator[str]:
    """Yield a text, and what it becomes by decoding it once and twice if it has encoded parts of an address."""
    yield text
    for _ in range(2):
        if not _NESTED.search(text):
            return
        text = unquote(text)
        yield text
