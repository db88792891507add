"""A small repository, and a copy of the plug-ins, in scratch folders."""

from pathlib import Path

import pytest

from tests.helpers.prompt_kinds import copy_plugins
from tests.helpers.small_config import write_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write_repository(tmp_path)
    return tmp_path


@pytest.fixture
def plugin_copy(tmp_path: Path) -> Path:
    """The root of a copy of the kinds of prompts and the model families."""
    return copy_plugins(tmp_path / "scratch")
