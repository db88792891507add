"""The context of every rule's script: its log file, one-line error messages, and the provenance of its outputs."""

import contextlib
import logging
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from samgap.errors import DamagedResultError, UserError
from samgap.io import redaction, variables
from samgap.io.files import read_json_object, sha256
from samgap.jobs.attempt_log import open_attempt_log

DAMAGED_SUFFIX = ".damaged"
"""The suffix that a damaged result gets when it is moved aside."""
RECORDED_FILES = {"instances.json": "instances_sha256", "images.parquet": "table_sha256"}
"""Files of a data set -> key of their SHA-256 in the data set's `dataset.json`."""
MAX_MESSAGE_LENGTH = 500
"""Characters of an unexpected error's message that are printed on the terminal."""

logger = logging.getLogger("samgap")


@contextlib.contextmanager
def job_context(snakemake: Any) -> Iterator[logging.Logger]:
    """Log the work of a script to the rule's log, and end a failed script with one line on the terminal.

    The log receives all messages and Python warnings, after those of earlier attempts; the terminal receives messages
    of level WARNING and above. A UserError is printed as its message. Any other exception is printed with its type, and
    its traceback is in the log. Neither has credentials (`samgap.io.redaction`). An input that is
    a damaged result is moved aside: then its rule runs again at the next start, and no other job reads it.

    Args:
        snakemake: the object of this name in the script

    Yields:
        The logger.

    Raises:
        SystemExit: exit code 1, after an exception
    """
    path = Path(str(snakemake.log[0]))
    log_file = logging.StreamHandler(open_attempt_log(path, os.environ))
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
    except DamagedResultError as error:
        logger.error("error: %s%s", error, _move_aside(error.path, snakemake.input))
        sys.exit(1)
    except UserError as error:
        logger.error("error: %s", error)
        sys.exit(1)
    except Exception as error:
        print(redaction.redact(traceback.format_exc()), end="", file=log_file.stream)
        message = " ".join(str(error).split())[:MAX_MESSAGE_LENGTH]
        logger.error("error: %s: %s (traceback: %s)", type(error).__name__, message, path)
        sys.exit(1)
    finally:
        log_file.stream.close()
        log_file.close()


def collect_provenance(snakemake: Any, **extra: Any) -> dict[str, Any]:
    """Return the provenance of a rule's outputs: `rule`, `code` (its hash), `inputs` and the items of `extra`.

    `inputs` maps the path of each input file to its SHA-256. Folders are left out, because cards have their checksums.

    Raises:
        DamagedResultError: if the ground truth or the table of the images of a data set is not the one that its card
            records.
    """
    inputs = {str(path): sha256(path) for path in sorted({*map(str, snakemake.input)}) if Path(path).is_file()}
    for path, checksum in inputs.items():
        _check_recorded(Path(path), checksum)
    return {"rule": snakemake.rule, "code": snakemake.params.get("code", ""), "inputs": inputs, **extra}


def _check_recorded(path: Path, checksum: str) -> None:
    key = RECORDED_FILES.get(path.name)
    recorded = read_json_object(path.with_name("dataset.json")).get(key) if key else None
    if recorded not in (None, checksum):
        raise DamagedResultError(f"its sha256 is {checksum}, but {recorded} was written", path)


def _move_aside(path: Path, inputs: Iterable[Any]) -> str:
    """Rename a damaged input of the job, and return what was done and what to do as the end of a message."""
    if path not in {Path(str(file)) for file in inputs}:
        return ""
    aside = path.with_name(path.name + DAMAGED_SUFFIX)
    try:
        os.replace(path, aside)
    except OSError as error:
        return f": it cannot be moved aside ({error.strerror}); delete it and run the same command again"
    return f": it is moved to {aside}; run the same command again"


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
