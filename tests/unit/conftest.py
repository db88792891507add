"""Scenes for the tests of trainings."""

import pytest

from tests.helpers.training_data import write_orchard


@pytest.fixture(scope="session")
def orchard_source(tmp_path_factory):
    """Six small scenes with their ground truth."""
    return write_orchard(tmp_path_factory.mktemp("scenes"))
