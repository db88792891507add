"""No logger writes a token of the environment, or a credential of an address."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from samgap.io import redaction

TOKEN = "hf_nobodymayreadthis"


@pytest.fixture(autouse=True)
def _restore_record_factory(monkeypatch) -> Iterator[None]:
    monkeypatch.setattr(redaction, "_hidden_values", set())
    original_factory = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(original_factory)
    logging.getLogger(redaction.SNAKEMAKE_LOGGER).filters.clear()


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


def test_the_value_of_a_variable_with_the_name_of_a_secret_is_hidden(monkeypatch, caplog, tmp_path) -> None:
    monkeypatch.setenv("WANDB_API_KEY", "pear-and-plum")
    monkeypatch.setenv("SIGNING_KEY", str(tmp_path))  # a path is no secret
    monkeypatch.setenv("SAMGAP_CACHE", "quince-and-fig")
    redaction.install_log_redaction()
    logging.getLogger("x").warning("pear-and-plum %s quince-and-fig", tmp_path)
    assert caplog.messages == [f"(hidden) {tmp_path} quince-and-fig"]


def test_an_environment_with_a_long_secret_starts(monkeypatch) -> None:
    secret = "pear and plum " * 1000
    monkeypatch.setenv("SIGNING_KEY", secret)  # longer than a path can be
    redaction.install_log_redaction()
    assert redaction.redact(f"<{secret}>") == "<(hidden)>"


def test_passwords_in_addresses_of_the_environment_are_hidden(monkeypatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "me:quince-and-fig@proxy:3128")
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:pear-and-pl%75m@host/simple")
    monkeypatch.setenv("GIT_SERVER", "ssh://git-user@host/")
    redaction.install_log_redaction()
    text = "quince-and-fig pear-and-pl%75m pear-and-plum bWU6cXVpbmNlLWFuZC1maWc= /home/git-user"
    assert redaction.redact(text) == "(hidden) (hidden) (hidden) (hidden) /home/git-user"


def test_a_hidden_value_is_hidden_in_every_encoding() -> None:
    redaction.hide('pear "and" plüm\n')
    redaction.hide("first line of a key\nsecond line of a key")
    for text in (
        "pear%20%22and%22%20pl%C3%BCm%0A",
        "pear+%22and%22+pl%C3%BCm%0A",
        r"pear \"and\" pl\u00fcm\n",
        repr('pear "and" plüm\n'),
        "second line of a key",
        repr("first line of a key\nsecond line of a key"),
    ):
        assert redaction.redact(text).strip("'") == "(hidden)", text


def test_a_traceback_in_a_record_is_redacted(caplog) -> None:
    redaction.install_log_redaction()
    redaction.hide("pear-and-plum")
    try:
        raise ValueError("GET /a?token=short and pear-and-plum")
    except ValueError:
        logging.getLogger("x").exception("failed")
    assert "ValueError: GET /a?token=(hidden) and (hidden)" in caplog.text and "pear-and" not in caplog.text


def test_attributes_of_snakemakes_records_are_redacted() -> None:
    redaction.install_log_redaction()
    redaction.hide("pear-and-plum")
    records: list[logging.LogRecord] = []
    logger, handler = logging.getLogger(redaction.SNAKEMAKE_LOGGER), logging.Handler()
    handler.emit = records.append
    logger.addHandler(handler)
    extra = {"cmd": "run --api-key pear", "files": ["/a?token=b", Path("c")], "params": {"x": ("pear-and-plum", 3)}}
    logger.warning(None, extra=extra)
    logger.removeHandler(handler)
    (record,) = records
    assert (record.cmd, record.files) == ("run --api-key (hidden)", ["/a?token=(hidden)", Path("c")])
    assert record.params == {"x": ("(hidden)", 3)}


def test_a_second_installation_hides_more_and_stacks_nothing(monkeypatch) -> None:
    redaction.install_log_redaction()
    factory = logging.getLogRecordFactory()
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    redaction.install_log_redaction()
    assert logging.getLogRecordFactory() is factory
    assert redaction.redact(TOKEN) == "(hidden)"


def test_parts_of_a_hidden_address_are_hidden_as_messages_quote_them() -> None:
    redaction.hide("https://host/bucket/0123456789abcdefghij/weights.pt?sv=1&sig=pear%20plum")
    quoted = "at /bucket/0123456789abcdefghij/weights.pt?sv=1&sig=pear%20plum: reset"
    assert redaction.redact(quoted) == "at /bucket/(hidden)/weights.pt?(hidden): reset"
    assert redaction.redact("resources/sam2/weights.pt") == "resources/sam2/weights.pt"
    redaction.hide("pear and plum/=")
    assert redaction.redact("pear%20and%20plum/= pear%20and%20plum%2F%3D") == "(hidden) (hidden)"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("/a?X-Amz-Date=2024&X-Amz-Signature=ab", "/a?X-Amz-Date=(hidden)&X-Amz-Signature=(hidden)"),
        ("GET 'https://me:pw@host/a?id=3&key=ab'", "GET 'https://(hidden)@host/a?id=3&key=(hidden)'"),
        ("proxy http://me:p@host:3128 refuses", "proxy http://(hidden)@host:3128 refuses"),
        ("https://host/a?token=${MY_TOKEN}", "https://host/a?token=${MY_TOKEN}"),
        ("'https://u:p@ss@host/'", "'https://(hidden)@host/'"),
        ("https://u:p/s#s@host/ me@host", "https://(hidden)@host/ me@host"),
        (
            "/a;token=ab&code=c (see /b?view_only=d)",
            "/a;token=(hidden)&code=(hidden) (see /b?view_only=(hidden))",
        ),
        ("GET /a?abc123longtoken&y=2", "GET /a?(hidden)&y=2"),
        ("/a?k=abc12345678&p=3&tk=ab", "/a?k=(hidden)&p=3&tk=(hidden)"),
        ("/a?e=AbCd12 /b?e=5&access=abcd1234.", "/a?e=(hidden) /b?e=5&access=(hidden)."),
        ("/a?url=https://b/?token=c&d=e", "/a?url=https://b/?token=(hidden)&d=e"),
        ("/a?url=https%3A%2F%2Fb%2F%3Ftoken%3Dc", "/a?url=https%3A%2F%2Fb%2F%3Ftoken%3D(hidden)"),
        ("bad token hf_abcdefghijklmnopqrstuvwxyz", "bad token (hidden)"),
        ("{'Authorization': 'Bearer ab', 'Accept': '*'}", "{'Authorization': '(hidden)', 'Accept': '*'}"),
        ("Authorization: Basic YTpi\nAccept: *", "Authorization: (hidden)\nAccept: *"),
        ("header b'Cookie: a=b'", "header b'Cookie: (hidden)'"),
        ("sent Bearer abcdefgh", "sent Bearer (hidden)"),
        ('{"password": "ab", "run": "x"}', '{"password": "(hidden)", "run": "x"}'),
        ("tool --token ab --run x --api-key=cd", "tool --token (hidden) --run x --api-key=(hidden)"),
        ("--keep-going --forcerun checkpoint; a key: value", "--keep-going --forcerun checkpoint; a key: value"),
        ("results/x/dataset=a/key=b.parquet", "results/x/dataset=a/key=b.parquet"),
    ],
)
def test_credentials_in_a_text_are_hidden(text: str, redacted: str) -> None:
    assert redaction.redact(text) == redacted


@pytest.mark.parametrize(
    ("url", "redacted"),
    [
        ("https://user:secret@host/a.bin", "https://host/a.bin"),
        ("https://host/a.bin?Signature=secret#part", "https://host/a.bin"),
        ("https://host/a@b.bin", "https://host/a@b.bin"),
        ("/data/a.bin", "/data/a.bin"),
        ("https://u:p@ss@host/a.bin", "https://host/a.bin"),
        ("https://u:p/ss@host/a.bin", "https://host/a.bin"),
        ("${SCHEME}://me:secret@host/a.bin", "${SCHEME}://host/a.bin"),
        ("https://host/a;token=secret/b.bin;v=1", "https://host/a/b.bin;v=1"),
        ("https://host/a.bin;auth=${NAME}?x=1", "https://host/a.bin"),
    ],
)
def test_an_address_in_messages_has_no_credentials(url: str, redacted: str) -> None:
    assert redaction.redact_url(url) == redacted
