"""Copies of the workflow in which a test runs or plans it, so that no file of the user is changed."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
WORKFLOW_FILES = ("Snakefile", "rules", "scripts", "src", "config", "envs", "profiles", "report")


def copy_workflow(folder: Path, with_weights: bool = True) -> Path:
    """Copy the workflow, without data and environment, to `folder`, which is made if needed, and return it.

    Bytecode is copied, too: it is valid because a copy keeps the modification time of its source, and otherwise every
    copy is compiled again.

    Args:
        with_weights: whether to copy the weights of the demo.
    """
    folder.mkdir(parents=True, exist_ok=True)
    # Other test processes may be writing bytecode, first to a temporary file.
    ignored = shutil.ignore_patterns("*.pyc.*", *([] if with_weights else ["*.pt"]))
    for name in WORKFLOW_FILES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy2(ROOT / name, folder / name)
    return folder
