"""What `make lint` runs, so that a test run finds what it finds."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [
        "ruff check .",
        "ruff format --check .",
        "snakefmt --check Snakefile rules",
        "snakemake --lint",
        "snakemake --lint --configfile config/demo.yaml",
        "mypy",
    ],
)
def test_lint(command):
    program, *arguments = command.split()
    done = subprocess.run(
        [BIN / program, *arguments], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_make_lint_runs_the_same():
    (marks,) = [mark for mark in test_lint.pytestmark if mark.name == "parametrize"]
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0].splitlines()[1:]
    assert [line.strip().removeprefix("$(BIN)/") for line in recipe] == marks.args[1]
