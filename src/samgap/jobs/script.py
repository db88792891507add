"""The context of every rule's script: its log file, one-line error messages, and the provenance of its outputs."""

import contextlib
import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samgap.errors import UserError
from samgap.io import redaction, variables
from samgap.io.files import sha256

MAX_MESSAGE_LENGTH = 500
"""Characters of an unexpected error's message that are printed on the terminal."""

logger = logging.getLogger("samgap")


@contextlib.contextmanager
def job_context(snakemake: Any) -> Iterator[logging.Logger]:
    """Log the work of a script to the rule's log, and end a failed script with one line on the terminal.

    The log receives all messages and Python warnings; the terminal receives messages of level WARNING and above. A
    UserError is printed as its message. Any other exception is printed with its type, and its traceback is in the log.
    Neither has credentials (`samgap.io.redaction`).

    Args:
        snakemake: the object of this name in the script

    Yields:
        The logger.

    Raises:
        SystemExit: exit code 1, after an exception
    """
    path = Path(str(snakemake.log[0]))
    path.parent.mkdir(parents=True, exist_ok=True)
    log_file = logging.FileHandler(path, mode="w", encoding="utf-8")
    log_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING)
    terminal.setFormatter(logging.Formatter("%(message)s"))
    logger.setLevel(logging.INFO)
    logger.handlers = [log_file, terminal]
    redaction.install_log_redaction()
    variables.register_variables(snakemake.config)
    try:
        with _log_python_warnings(log_file):
            yield logger
    except UserError as error:
        logger.error("error: %s", error)
        sys.exit(1)
    except Exception as error:
        print(redaction.redact(traceback.format_exc()), end="", file=log_file.stream)
        message = " ".join(str(error).split())[:MAX_MESSAGE_LENGTH]
        logger.error("error: %s: %s (traceback: %s)", type(error).__name__, message, path)
        sys.exit(1)
    finally:
        log_file.close()


def collect_provenance(snakemake: Any, **extra: Any) -> dict[str, Any]:
    """Return the provenance of a rule's outputs: `rule`, `code` (its hash), `inputs` and the items of `extra`.

    `inputs` maps the path of each input file to its SHA-256. Folders are left out, because cards have their checksums.
    """
    inputs = {str(path): sha256(path) for path in sorted({*map(str, snakemake.input)}) if Path(path).is_file()}
    return {"rule": snakemake.rule, "code": snakemake.params.get("code", ""), "inputs": inputs, **extra}


@contextlib.contextmanager
def _log_python_warnings(handler: logging.Handler) -> Iterator[None]:
    """Send Python warnings (numpy's RuntimeWarning, for example) to `handler` and not to the terminal."""
    warnings_logger = logging.getLogger("py.warnings")
    propagate = warnings_logger.propagate
    warnings_logger.addHandler(handler)
    warnings_logger.propagate = False
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        warnings_logger.removeHandler(handler)
        warnings_logger.propagate = propagate
