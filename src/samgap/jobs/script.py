"""What every script of a rule does around its work: the log, errors in one line, provenance."""

import contextlib
import logging
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samgap.errors import UserError
from samgap.io.files import sha256

logger = logging.getLogger("samgap")


@contextlib.contextmanager
def job_context(snakemake: Any) -> Iterator[logging.Logger]:
    """Log to the rule's log; end bad input with one line on the terminal and exit code 1.

    An unexpected error leaves its traceback in the log and one line on the terminal.
    """
    path = Path(str(snakemake.log[0]))
    path.parent.mkdir(parents=True, exist_ok=True)
    file = logging.FileHandler(path, mode="w")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING)
    terminal.setFormatter(logging.Formatter("%(message)s"))
    logger.setLevel(logging.INFO)
    logger.handlers = [file, terminal]
    warnings.simplefilter("ignore")
    try:
        yield logger
    except UserError as error:
        logger.error("error: %s", error)
        sys.exit(1)
    except Exception as error:  # the log holds the rest
        with open(path, "a") as stream:
            stream.write(traceback.format_exc())
        logger.error("error: %s: %s (traceback: %s)", type(error).__name__, " ".join(str(error).split())[:500], path)
        sys.exit(1)
    finally:
        file.close()


def collect_provenance(snakemake: Any, **extra: Any) -> dict[str, Any]:
    """The inputs' sha256 by path (folders are left to their own receipt), the code's hash, and `more`."""
    inputs = {str(path): sha256(path) for path in sorted({*map(str, snakemake.input)}) if Path(path).is_file()}
    return {"rule": snakemake.rule, "code": snakemake.params.get("code", ""), "inputs": inputs, **extra}
