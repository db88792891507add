"""No logger writes a token of the environment."""

import logging
from collections.abc import Iterator

import pytest

from samgap.io import redaction

TOKEN = "hf_nobodymayreadthis"


@pytest.fixture(autouse=True)
def _restore_record_factory() -> Iterator[None]:
    original_factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(original_factory)


@pytest.mark.parametrize("variable", redaction.TOKEN_VARIABLES)
def test_a_token_is_hidden_in_messages_and_arguments(variable: str, monkeypatch, caplog) -> None:
    monkeypatch.setenv(variable, TOKEN)
    redaction.install_log_redaction()
    logger = logging.getLogger("some.plugin")
    with caplog.at_level(logging.DEBUG):
        logger.debug(f"environment: {{'{variable}': '{TOKEN}', 'HOME': '/root'}}")
        logger.warning("request with %s and %d", {"token": TOKEN}, 7)
    assert caplog.messages == [
        f"environment: {{'{variable}': '(hidden)', 'HOME': '/root'}}",
        "request with {'token': '(hidden)'} and 7",
    ]


def test_other_records_do_not_change(monkeypatch, caplog) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    redaction.install_log_redaction()
    logging.getLogger("x").warning("%d of %d", 1, 2)
    assert (caplog.records[0].msg, caplog.records[0].args) == ("%d of %d", (1, 2))


@pytest.mark.parametrize("value", ["", "a"])
def test_a_value_that_is_too_short_for_a_token_hides_nothing(value: str, monkeypatch, caplog) -> None:
    for variable in redaction.TOKEN_VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_TOKEN", value)
    redaction.install_log_redaction()
    logging.getLogger("x").warning("a line")
    assert caplog.messages == ["a line"]


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("https://user:secret@host/a.bin", "https://host/a.bin"),
        ("https://host/a.bin?Signature=secret#part", "https://host/a.bin"),
        ("https://host/a@b.bin", "https://host/a@b.bin"),
        ("/data/a.bin", "/data/a.bin"),
    ],
)
def test_an_address_in_messages_has_no_credentials(url: str, redacted: str) -> None:
    assert redaction.redact_url(url) == redacted
