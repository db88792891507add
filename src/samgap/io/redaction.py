"""Removal of tokens and credentials from addresses, log records and messages."""

import logging
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "(hidden)"
TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Environment variables that the hub's client reads a token from."""
MIN_TOKEN_LENGTH = 8
"""Characters. A shorter value is not a token, and would occur within ordinary words."""
MIN_SEGMENT_LENGTH = 20
"""Characters of a part of an address's path from which on it can be a token."""

SECRET_NAME = re.compile(
    r"token|secret|passw|passphrase|signature|credential|session|bearer|authorization|jwt|hmac|apikey|accesskey|accessid"
    r"|keypairid|(?:key|auth|sig)$|^(?:sign|sid|pass|pwd|pw|otp|pin)$|^x(?:amz|goog|oss|obs|cos)"
)
"""Names of parameters with a secret: lower case, without separators. S3 and Google sign with X-Amz-… and X-Goog-…."""
PARAMETER = re.compile(r"(?<=[?&;#])([\w.%~-]+)=([^\s&;#'\"<>()\[\]]+)")
USER_INFO = re.compile(r"(?<=://)[^/?#\s@'\"]*@")

_hidden_values: set[str] = set()


def install_log_redaction() -> None:
    """Replace credentials by `(hidden)` in all log records of this process from now on.

    They are the values of environment variables with the name of a secret, the values passed to `hide`, and what
    `redact` recognizes. This includes the loggers of packages and of Snakemake's plug-ins: with `--verbose` the SLURM
    plug-in logs all environment variables, and urllib3 logs the address of each repeated request.
    """
    for name, value in os.environ.items():
        if name in TOKEN_VARIABLES or (is_secret_name(name) and not Path(value).exists()):
            hide(value)
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
    """Let `redact` replace `value` from now on, also as it is encoded in an address.

    Of an address also its query and long parts of its path are replaced, because messages quote them alone.
    """
    parts = [value]
    if "://" in value:
        address = urlsplit(value)
        segments = (segment for segment in address.path.split("/") if len(segment) >= MIN_SEGMENT_LENGTH)
        parts += [address.query, *segments]
    for part in parts:
        if len(part) >= MIN_TOKEN_LENGTH:
            _hidden_values.update((part, quote(part, safe="!#$%&'()*+,/:;=?@[]~"), quote(part, safe="")))


def redact(text: str) -> str:
    """Return a text with `(hidden)` instead of hidden values, and of user names, passwords and keys in addresses."""
    for value in sorted(_hidden_values, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return PARAMETER.sub(_redact_parameter, USER_INFO.sub(f"{HIDDEN}@", text))


def redact_url(url: str) -> str:
    """Return an address without its user name, password and query, which may contain a key, for use in messages."""
    return re.sub(r"(?<=://)[^/@]*@", "", re.split(r"[?#]", url, maxsplit=1)[0])


def is_secret_name(name: str) -> bool:
    """Return whether the value of a parameter or variable of this name is a key, a token, a password or a signature."""
    return SECRET_NAME.search(re.sub(r"[-_.\s]", "", unquote(name)).lower()) is not None


def _format_message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # the arguments do not fit the text: the handler of the record reports that
        return str(record.msg)


def _redact_parameter(match: re.Match[str]) -> str:
    name, value = match.groups()
    is_literal = not value.startswith("${") and value != HIDDEN
    return f"{name}={HIDDEN}" if is_literal and is_secret_name(name) else match[0]
