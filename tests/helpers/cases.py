"""Inputs that fail, each in a folder with a README that states the right value."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def find_case(name: str) -> Path:
    """Return the folder `name` in `SAMGAP_CASES` (default `../shared/cases`); skip the test without it."""
    folder = (ROOT / os.environ.get("SAMGAP_CASES", "../shared/cases")).resolve() / name
    if not folder.is_dir():
        pytest.skip(f"no case {name} at {folder}: set SAMGAP_CASES to the folder that contains it")
    return folder
