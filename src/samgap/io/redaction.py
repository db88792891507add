"""Tokens in the environment, kept out of whatever is logged."""

import logging
import os
import re
from typing import Any

TOKEN_VARIABLES = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""Where the hub's client looks for one."""
MIN_TOKEN_LENGTH = 8
"""Characters: what is shorter is no token, and would be found in every other word."""


def install_log_redaction() -> None:
    """From here on no record of any logger of this process bears a token of the environment.

    Snakemake's plugins log what they like: with `--verbose` SLURM's writes the whole environment into a job's log.
    """
    found = {os.environ.get(name, "") for name in TOKEN_VARIABLES}
    tokens = sorted((token for token in found if len(token) >= MIN_TOKEN_LENGTH), key=len, reverse=True)
    made = logging.getLogRecordFactory()

    def record(*arguments: Any, **more: Any) -> logging.LogRecord:
        new = made(*arguments, **more)
        text = str(new.msg) if not new.args else _format_message(new)
        if any(token in text for token in tokens):
            for token in tokens:
                text = text.replace(token, "(hidden)")
            new.msg, new.args = text, ()
        return new

    if tokens:
        logging.setLogRecordFactory(record)


def _format_message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit their text: whoever handles the record tells of it
        return str(record.msg)


def redact_url(url: str) -> str:
    """Return an address for messages: without user name and password, and without its query, which may have a key."""
    return re.sub(r"(?<=://)[^/@]*@", "", re.split(r"[?#]", url, maxsplit=1)[0])
