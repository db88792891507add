"""No logger tells a token of the environment."""

import logging
from collections.abc import Iterator

import pytest

from samgap.io import redaction

TOKEN = "hf_nobodymayseethis"


@pytest.fixture(autouse=True)
def _factory() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.parametrize("variable", redaction.TOKEN_VARIABLES)
def test_a_token_is_hidden_wherever_it_stands(variable: str, monkeypatch, caplog) -> None:
    monkeypatch.setenv(variable, TOKEN)
    redaction.install_log_redaction()
    logger = logging.getLogger("some.plugin")
    with caplog.at_level(logging.DEBUG):
        logger.debug(f"environment: {{'{variable}': '{TOKEN}', 'HOME': '/root'}}")
        logger.warning("asked with %s and %d", {"token": TOKEN}, 7)
    assert caplog.messages == [
        f"environment: {{'{variable}': '(hidden)', 'HOME': '/root'}}",
        "asked with {'token': '(hidden)'} and 7",
    ]


def test_all_else_is_left_as_it_is(monkeypatch, caplog) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    redaction.install_log_redaction()
    logging.getLogger("x").warning("%d of %d", 1, 2)
    assert (caplog.records[0].msg, caplog.records[0].args) == ("%d of %d", (1, 2))


@pytest.mark.parametrize("value", ["", "a"])
def test_what_is_no_token_hides_nothing(value: str, monkeypatch, caplog) -> None:
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
