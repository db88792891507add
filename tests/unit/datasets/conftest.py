"""Fixtures of the tests of data sets."""

import logging

import pytest


@pytest.fixture
def logged_warnings(caplog: pytest.LogCaptureFixture):
    """Function that returns the warnings so far."""
    caplog.set_level(logging.WARNING, logger="samgap")
    return lambda: [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
