"""What Snakemake's report needs: it stops without a hint if a figure, a table or a page does not exist."""

from collections.abc import Collection, Iterable
from pathlib import Path

from samgap.errors import UserError


def validate_report_files(targets: Collection[str], all_files: Iterable[str]) -> None:
    """Check that the files of a report exist.

    Args:
        targets: the targets of the command line; without any, the report has all files of the run.
        all_files: these files.

    Raises:
        UserError: a file does not exist.
    """
    files = sorted(path for path in targets if "/" in path) if targets else sorted(all_files)
    missing = [path for path in files if not Path(path).exists()]
    if not missing:
        return
    existing = [path for path in files if path not in missing]
    hint = f", or name files that exist before --report, such as {existing[0]}" if existing else ""
    raise UserError(
        f"--report: {len(missing)} of {len(files)} figures, tables and pages do not exist, the first is {missing[0]}; "
        f"finish the run{hint}"
    )
