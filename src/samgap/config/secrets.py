"""Refusal of passwords, keys and tokens in a configuration, which runs write into their results.

An address refers to an environment variable instead: `https://host/file?token=${MY_TOKEN}` (`samgap.io.variables`).
"""

import re
from collections.abc import Mapping
from typing import Any

from samgap.errors import UserError
from samgap.io.redaction import is_secret_name
from samgap.io.variables import REFERENCE, iter_texts

TOKEN = re.compile(
    r"\bhf_[A-Za-z0-9]{20,}"
    r"|\b(?:gh[pousr]_|github_pat_|glpat-)\w{20,}"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bAIza[\w-]{35}"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\."
)
"""Tokens of Hugging Face, GitHub, GitLab, AWS and Google, and JSON web tokens."""
USER_INFO = re.compile(r"://([^/?#@]*)@")


def validate_no_secrets(config: Mapping[str, Any]) -> None:
    """Raise UserError where a text of a configuration has a credential in an address, or is a token.

    The configuration need not be valid. The message does not quote the credential.
    """
    for key_path, text in iter_texts(config):
        user_info = USER_INFO.search(text)
        if user_info and not _is_reference(user_info[1].rpartition(":")[2]):
            raise UserError(f"config: {key_path} has a user name or a password in its address; put them into ~/.netrc")
        if TOKEN.search(text):
            raise UserError(
                f"config: {key_path} has a token in it; remove it, and set the environment variable HF_TOKEN instead "
                "(for another server, write token=${NAME} in the address, and set the variable NAME)"
            )
        for name, value in _iter_parameters(text):
            if is_secret_name(name) and value and not _is_reference(value):
                raise UserError(
                    f"config: {key_path} has the value of '{name}' in its address, which results would publish; "
                    f"write {name}=${{NAME}} (or ?${{NAME}} for all after the ?), and set the environment variable NAME"
                )


def validate_identified_files(config: Mapping[str, Any]) -> None:
    """Raise UserError for an address whose file is named by a variable, unless its SHA-256 identifies the file.

    Results do not have the value of the variable, and the cache of downloads does not know it.
    """
    sources = {f"archives.{name}": entry for name, entry in config["archives"].items()}
    sources |= {f"models.{name}.weights": entry.get("weights", {}) for name, entry in config["models"].items()}
    for key_path, source in sources.items():
        address = USER_INFO.sub("://", source.get("url", "")).partition("?")[0]
        if REFERENCE.search(address) and "sha256" not in source:
            raise UserError(
                f"config: {key_path}.url has a variable before the ?, so that results would not say which file it is; "
                "add its sha256, or use variables only after the ?"
            )


def _is_reference(text: str) -> bool:
    return REFERENCE.fullmatch(text) is not None


def _iter_parameters(text: str) -> list[tuple[str, str]]:
    """Return (name, value) of the parameters after the first `?` or `#` of an address."""
    query = "".join(re.split(r"([?#])", text, maxsplit=1)[1:])
    return re.findall(r"[?&;#]([^=&;#?\s]+)=([^&;#\s]*)", query)
