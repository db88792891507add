"""Redaction of access tokens in log records, and of credentials in addresses."""

import logging
import os
import re
from typing import Any

TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Environment variables that the hub's client reads a token from."""
MIN_TOKEN_LENGTH = 8
"""Characters. A shorter value is not a token, and would occur within ordinary words."""


def install_log_redaction() -> None:
    """Replace tokens of the environment by `(hidden)` in all log records of this process from now on.

    This includes the loggers of Snakemake's plug-ins: with `--verbose` the SLURM plug-in logs all environment
    variables.
    """
    values = {os.environ.get(name, "") for name in TOKEN_VARIABLES}
    tokens = sorted((value for value in values if len(value) >= MIN_TOKEN_LENGTH), key=len, reverse=True)
    original_factory = logging.getLogRecordFactory()

    def create_redacted_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = original_factory(*args, **kwargs)
        text = str(record.msg) if not record.args else _format_message(record)
        if any(token in text for token in tokens):
            for token in tokens:
                text = text.replace(token, "(hidden)")
            record.msg, record.args = text, ()
        return record

    if tokens:
        logging.setLogRecordFactory(create_redacted_record)


def _format_message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # the arguments do not fit the text: the handler of the record reports that
        return str(record.msg)


def redact_url(url: str) -> str:
    """Return an address without its user name, password and query, which may contain a key, for use in messages."""
    return re.sub(r"(?<=://)[^/@]*@", "", re.split(r"[?#]", url, maxsplit=1)[0])
