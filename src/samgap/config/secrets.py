"""Refusal of passwords, keys and tokens in a configuration, which runs write into their results.

An address refers to an environment variable instead: `https://host/file?token=${MY_TOKEN}` (`samgap.io.variables`).
"""

from collections.abc import Mapping
from typing import Any

from samgap.errors import UserError
from samgap.io.addresses import Parameter, iter_parameters, iter_user_infos
from samgap.io.credentials import TOKEN, is_random, is_secret_name, is_secret_option, is_secret_parameter
from samgap.io.redaction import redact_url
from samgap.io.variables import REFERENCE, find_variables, iter_texts


def validate_no_secrets(config: Mapping[str, Any]) -> None:
    """Raise UserError where a text of a configuration has a credential in an address, or is a token.

    The configuration need not be valid. The message does not quote the credential.
    """
    for key_path, text in iter_texts(config):
        if is_secret_option(key_path.rpartition(".")[2], text):
            raise UserError(
                f"config: {key_path} has what may be a password, key or token, which results would publish; remove it "
                "(a plug-in can read an environment variable)"
            )
        passwords = (user_info.rpartition(":")[2] for user_info in iter_user_infos(text) if user_info)
        if not all(map(_is_reference, passwords)):
            raise UserError(f"config: {key_path} has a user name or a password in its address; put them into ~/.netrc")
        if TOKEN.search(text):
            raise UserError(
                f"config: {key_path} has a token in it; remove it, and set the environment variable HF_TOKEN instead "
                "(for another server, write token=${NAME} in the address, and set the variable NAME)"
            )
        for parameter in filter(_is_secret, iter_parameters(text)):
            raise UserError(
                f"config: {key_path} has {_describe(parameter)} in its address, which results would publish; write "
                f"{_advise(parameter)}, and set the environment variable NAME"
            )


def validate_identified_files(config: Mapping[str, Any]) -> None:
    """Raise UserError for an address whose file is named by a variable, unless its SHA-256 identifies the file.

    Results do not have the value of the variable, and the cache of downloads does not know it.
    """
    sources = {f"archives.{name}": entry for name, entry in config["archives"].items()}
    sources |= {f"models.{name}.weights": entry.get("weights", {}) for name, entry in config["models"].items()}
    for key_path, source in sources.items():
        if find_variables(redact_url(source.get("url", ""))) and "sha256" not in source:
            raise UserError(
                f"config: {key_path}.url has a variable before the ?, so that results would not say which file it is; "
                "add its sha256, or use variables only after the ?"
            )


def _is_reference(text: str) -> bool:
    return REFERENCE.fullmatch(text) is not None


def _is_secret(parameter: Parameter) -> bool:
    if is_secret_name(parameter.name):
        return bool(parameter.value) and not _is_reference(parameter.value)
    if parameter.separator == "#" and not parameter.name:
        # Most name a place in a page, such as `issuecomment-123456789`.
        return is_random(parameter.value)
    # The name of a variable in a value is not a part of a token.
    return is_secret_parameter(parameter.name, REFERENCE.sub("", parameter.value))


def _describe(parameter: Parameter) -> str:
    if is_secret_name(parameter.name):
        return f"the value of '{parameter.name}'"
    return "what may be a key or token"


def _advise(parameter: Parameter) -> str:
    if is_secret_name(parameter.name):
        return f"{parameter.name}=${{NAME}} (or ?${{NAME}} for all after the ?)"
    return "?${NAME} for all after the ?"
