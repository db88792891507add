"""A folder with two discs."""

import pytest

from tests.helpers.discs import write_discs


@pytest.fixture(scope="session")
def discs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("discs")
    write_discs(folder)
    return folder
