"""Removal of tokens and credentials from addresses, log records and messages."""

import base64
import json
import logging
import os
import re
from typing import Any
from urllib.parse import quote, quote_plus, unquote

from samgap.io.addresses import USER_INFO, iter_user_infos, split_address
from samgap.io.credentials import TOKEN, TOKEN_VARIABLES, is_random, is_secret_name, is_secret_parameter

HIDDEN = "(hidden)"
MIN_TOKEN_LENGTH = 8
"""Characters. A shorter value is not a token, and would occur within ordinary words."""
MIN_SEGMENT_LENGTH = 20
"""Characters of a part of an address's path from which on it can be a token."""

_PARAMETER_NAME = re.compile(
    r"(?:(?<=[?&;#])|(?<=%3[FfBb])|(?<=%26)|(?<=%23))(?P<name>[^\s=&;#?'\"<>()]+?)(?P<equals>=|%3[dD])"
)
_PARAMETER_VALUE = re.compile(r"\(hidden\)|\$\{\w+\}|[^\s&;#'\"<>]*[^\s&;#'\"<>()\[\],.:]")
_BARE_PARAMETER = re.compile(r"(?<=[?&;])[^\s=&;#?'\"<>()$]{12,}={0,2}(?=[\s&;#'\"<>()]|$)")
"""A text without a name among the parameters, which can be a key."""
_HEADER = re.compile(
    r"(?P<name>\b(?:proxy-)?authorization|\b(?:set-)?cookie|\bx-(?:api-key|auth-token|amz-security-token)"
    r"|\bprivate-token)(?P<between>['\"]?\s*[:=]\s*(?:b?['\"])?)(?P<value>[^\r\n'\"]+)",
    re.IGNORECASE,
)
"""A header of a request in a text: everything to the end of its line, or of its quotes, is its value."""
_SCHEME = re.compile(r"\b(Bearer|Basic|Negotiate) +[\w.~+/=-]{8,}")
_ITEM = re.compile(
    r"(?P<name>(?P<quote>['\"])[\w.-]+(?P=quote))(?P<between>\s*:\s*b?)(?P<value>'[^'\n]+'|\"[^\"\n]+\")"
)
"""An item of a dictionary or of JSON whose value is a text."""
_OPTION = re.compile(r"(?<!\S)(?P<name>--?[A-Za-z][\w-]*)(?P<between>=|\s+)(?P<value>[^\s-][^\s'\"]*)")
"""An option of a command line, such as `--token abc`."""

SNAKEMAKE_LOGGER = "snakemake.logging"
"""The logger of Snakemake, whose formatter reads attributes of records: the command line, for example."""
_STANDARD_ATTRIBUTES = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None)))

_hidden_values: set[str] = set()


def install_log_redaction() -> None:
    """Replace credentials by `(hidden)` in all log records of this process from now on.

    They are the values of environment variables with the name of a secret, passwords in the addresses of others (of a
    proxy, for example), the values passed to `hide`, and what `redact` recognizes. This includes the loggers of
    packages and of Snakemake's plug-ins: with `--verbose` the SLURM plug-in logs all environment variables, and urllib3
    logs the address of each repeated request.
    """
    for name, value in os.environ.items():
        # Not pathlib, which raises an error for a value that is too long for a path.
        if name in TOKEN_VARIABLES or (is_secret_name(name) and not os.path.exists(value)):
            hide(value)
        hide_user_info(value if "://" in value or not name.lower().endswith("_proxy") else f"http://{value}")
    # The factory does not see the attributes, which the logger adds to its record. A filter is added once.
    logging.getLogger(SNAKEMAKE_LOGGER).addFilter(_redact_attributes)
    original_factory = logging.getLogRecordFactory()
    if getattr(original_factory, "redacts", False):
        return

    def create_redacted_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = original_factory(*args, **kwargs)
        text = str(record.msg) if not record.args else _format_message(record)
        if (redacted := redact(text)) != text:
            record.msg, record.args = redacted, ()
        if record.exc_info and record.exc_info[0] is not None:
            # A formatter uses this text instead of formatting the exception.
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return record

    create_redacted_record.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(create_redacted_record)


def hide(value: str) -> None:
    """Let `redact` replace `value` from now on, also as it is encoded in an address, in JSON or in a header.

    Of an address also its query, its password and long parts of its path are replaced, and of a text each line, because
    messages quote them alone.
    """
    parts = [value, *value.splitlines()]
    if "://" in value:
        address = split_address(value)
        segments = (segment for segment in address.path.split("/") if len(segment) >= MIN_SEGMENT_LENGTH)
        parts += [address.query, address.fragment, *segments]
        hide_user_info(value)
    for part in parts:
        if len(part) >= MIN_TOKEN_LENGTH:
            quoted = quote(part, safe="!#$%&'()*+,/:;=?@[]~"), quote(part, safe=""), quote_plus(part)
            _hidden_values.update((part, *quoted, json.dumps(part)[1:-1], repr(part)[1:-1]))


def hide_user_info(text: str) -> None:
    """Let `redact` replace the passwords of the addresses in a text, also as headers of requests encode them."""
    for encoded in iter_user_infos(text):
        for user_info in dict.fromkeys((encoded, unquote(encoded))):
            password = user_info.partition(":")[2]
            # A user name alone is no secret, and occurs in paths; a token in its place is one.
            if password or is_random(user_info):
                hide(base64.b64encode(user_info.encode()).decode())
                hide(user_info)
                hide(password)


def redact(text: str) -> str:
    """Return a text with `(hidden)` for hidden values, tokens, and credentials in addresses, headers and options.

    Credentials in addresses are user names, passwords, and parameters that `samgap.io.credentials` recognizes.
    """
    for value in sorted(_hidden_values, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    text = _redact_parameters(USER_INFO.sub(f"{HIDDEN}@", TOKEN.sub(HIDDEN, text)))
    text = _HEADER.sub(_redact_named_value, text)
    text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    text = _ITEM.sub(_redact_secret_item, text)
    return _OPTION.sub(_redact_secret_item, text)


def redact_url(url: str) -> str:
    """Return an address without its user name, password, query and secret parameters, for use in messages and cards."""
    address = split_address(url)
    return address.scheme + re.sub(r";([^;/]*)", _remove_path_parameter, address.path)


def _remove_path_parameter(match: re.Match[str]) -> str:
    name, equals, value = match[1].partition("=")
    is_secret = is_secret_name(name) or is_secret_parameter(*((name, value) if equals else ("", name)))
    return "" if is_secret else match[0]


def _redact_attributes(record: logging.LogRecord) -> bool:
    """Redact the texts that a caller has added to a record; a filter that passes every record."""
    for name in vars(record).keys() - _STANDARD_ATTRIBUTES:
        setattr(record, name, _redact_value(getattr(record, name)))
    return True


def _redact_value(value: Any) -> Any:
    if isinstance(value, str):
        # A path or an enumeration that is a text stays what it is, unless it has a credential.
        return value if (redacted := redact(value)) == value else redacted
    if type(value) in (list, tuple):
        return type(value)(map(_redact_value, value))
    if type(value) is dict:
        return {key: _redact_value(item) for key, item in value.items()}
    return value


def _format_message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # the arguments do not fit the text: the handler of the record reports that
        return str(record.msg)


def _redact_parameters(text: str) -> str:
    parts, end = [], 0
    # Only names are matched, because the value of a parameter can be an address with parameters.
    for match in _PARAMETER_NAME.finditer(text):
        value = _PARAMETER_VALUE.match(text, match.end())
        if match.start() < end or value is None or value[0] == HIDDEN or value[0].startswith("${"):
            continue
        if is_secret_parameter(match["name"], value[0]):
            parts += [text[end : match.end()], HIDDEN]
            end = value.end()
    return _BARE_PARAMETER.sub(_redact_bare_parameter, "".join([*parts, text[end:]]))


def _redact_bare_parameter(match: re.Match[str]) -> str:
    return HIDDEN if is_secret_parameter("", match[0]) else match[0]


def _redact_named_value(match: re.Match[str]) -> str:
    value, mark = match["value"], match["value"][0] if match["value"][0] in "'\"" else ""
    return match[0] if value.startswith(("${", HIDDEN)) else f"{match['name']}{match['between']}{mark}{HIDDEN}{mark}"


def _redact_secret_item(match: re.Match[str]) -> str:
    return _redact_named_value(match) if is_secret_name(match["name"].strip("'\"")) else match[0]
