"""Refusal of passwords and tokens in a configuration, which runs write into their results."""

import re
from collections.abc import Mapping
from typing import Any

from samgap.errors import UserError

CREDENTIALS_IN_URL = re.compile(r"://[^/@]*@")
HUB_TOKEN = re.compile(r"\bhf_[A-Za-z0-9]{20,}")


def validate_no_secrets(value: Any, key_path: str = "") -> None:
    """Raise UserError where a text of the configuration contains credentials in an address, or a token of the hub."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            validate_no_secrets(item, f"{key_path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            validate_no_secrets(item, key_path)
    elif isinstance(value, str) and CREDENTIALS_IN_URL.search(value):
        raise UserError(f"config: {key_path} has a user name or a password in its address; put them into ~/.netrc")
    elif isinstance(value, str) and HUB_TOKEN.search(value):
        raise UserError(
            f"config: {key_path} has a token in it; remove it, and set the environment variable HF_TOKEN instead"
        )
