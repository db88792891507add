"""A copy of the workflow."""

from pathlib import Path

import pytest

from tests.helpers.workflow_copy import copy_workflow


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the workflow without data, weights and environment."""
    return copy_workflow(tmp_path / "samgap", with_weights=False)
