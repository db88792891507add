"""References `${NAME}` to environment variables in addresses, so that a configuration has no credentials.

They are replaced when a request is sent. Every file that a run writes has the reference, not the value.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

from samgap.errors import UserError
from samgap.io import redaction

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

_key_paths: dict[str, str] = {}
"""Variable -> the first key of the configuration that names it."""


class MissingVariable(UserError):
    """An address names an environment variable that is not set."""


def register_variables(config: Mapping[str, Any]) -> None:
    """Hide the values of all variables that a configuration names from logs, and name its keys in messages."""
    _key_paths.clear()
    for key_path, text in iter_texts(config):
        for name in find_variables(text):
            _key_paths.setdefault(name, key_path)
            redaction.hide(os.environ.get(name, ""))


def find_variables(text: str) -> list[str]:
    """Return the names of the variables that a text refers to."""
    return REFERENCE.findall(text)


def expand_variables(url: str) -> str:
    """Return an address with the values of the variables that it refers to.

    Raises:
        MissingVariable: If a variable is not set, or is empty.
    """
    for name in find_variables(url):
        if not (value := os.environ.get(name)):
            key_path = _key_paths.get(name, redaction.redact_url(url))
            raise MissingVariable(
                f"{key_path} names the environment variable {name}, which is not set; set it (export {name}=…) and run "
                "again"
            )
        redaction.hide(value)
    return REFERENCE.sub(lambda match: os.environ[match[1]], url)


def remove_parameters_with_variables(url: str) -> str:
    """Return an address without the parameters of its query that refer to a variable."""
    path, _, rest = url.partition("?")
    query, mark, fragment = rest.partition("#")
    if not find_variables(rest):
        return url
    parameters = [part for part in query.split("&") if not find_variables(part)]
    fragment = "" if find_variables(fragment) else mark + fragment
    return (f"{path}?{'&'.join(parameters)}" if parameters else path) + fragment


def iter_texts(value: Any, key_path: str = "") -> Iterator[tuple[str, str]]:
    """Yield (path of the key, text) for each text of a configuration, and for each key that is a text.

    A key is yielded with the path of its section: it can be an address too, as in `mirrors`.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield key_path or "its top level", str(key)
            yield from iter_texts(item, f"{key_path}.{redaction.redact_url(str(key))}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from iter_texts(item, key_path)
    elif isinstance(value, str):
        yield key_path, value
