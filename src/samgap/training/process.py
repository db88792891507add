"""One of the processes of a training, as torchrun starts it: `python -m samgap.training.process JOB`."""

import logging
import os
import sys
from pathlib import Path

from samgap.errors import UserError
from samgap.io.files import atomic_write, read_json
from samgap.io.redaction import redact
from samgap.models.runtime.device import init_torch
from samgap.training.launch import ERROR_SUFFIX
from samgap.training.run import run_job


def main(job_path: Path) -> int:
    """Do the work of a process, and return its exit code. The first process logs to the standard output.

    An error that the user can correct is written to the file that `samgap.training.launch` reads.
    """
    if os.environ.get("RANK", "0") == "0":
        logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(message)s")
        logging.getLogger("samgap").setLevel(logging.INFO)
    job = read_json(job_path)
    init_torch(1, job["recipe"]["tf32"])
    try:
        run_job(job)
    except UserError as error:
        with atomic_write(job_path.with_suffix(ERROR_SUFFIX)) as temporary:
            temporary.write_text(redact(str(error)), encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
