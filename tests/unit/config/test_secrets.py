"""A configuration with a password, a key or a token is refused, without quoting it."""

import copy
from pathlib import Path

import pytest
import yaml

from samgap.config.secrets import validate_identified_files, validate_no_secrets
from samgap.config.validate import validate_config
from samgap.errors import UserError
from tests.helpers.small_config import CONFIG

SECRET = "0123456789abcdef"
PARAMETERS = (
    "key", "token", "sig", "signature", "access_token", "accessToken", "api_key", "apikey", "X-Amz-Signature",
    "X-Amz-Credential", "X-Amz-Security-Token", "x-goog-signature", "X-Goog-Credential", "AWSAccessKeyId", "Signature",
    "Key-Pair-Id", "password", "auth", "private_token", "rlkey", "resourcekey", "session_id", "subscription-key", "jwt",
    "client_secret", "k%65y", "view_only", "private_link", "code", "ticket", "auth[token]",
)  # fmt: skip


def get_error(config) -> str:
    with pytest.raises(UserError) as error:
        validate_no_secrets(config)
    message = str(error.value)
    assert "\n" not in message and SECRET not in message
    return message


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize(
    "form",
    [
        "https://host/a.zip?{}",
        "https://host/a.zip?x=1&{}&y=2",
        "https://host/a#{}",
        "https://host/a;{}/b.zip?download=1",
    ],
)
def test_the_value_of_a_secret_parameter_is_refused_with_what_to_write(name: str, form: str) -> None:
    message = get_error({"archives": {"orchard": {"url": form.format(f"{name}={SECRET}")}}})
    assert message == (
        f"config: archives.orchard.url has the value of '{name}' in its address, which results would publish; write "
        f"{name}=${{NAME}} (or ?${{NAME}} for all after the ?), and set the environment variable NAME"
    )


@pytest.mark.parametrize(
    ("config", "key_path"),
    [
        ({"models": {"a": {"weights": {"url": f"https://host/w.pt?sv=1&se=2&sig={SECRET}"}}}}, "models.a.weights.url"),
        ({"mirrors": {"https://host/": f"https://mirror/?token={SECRET}&file="}}, "mirrors.https://host/"),
        ({"mirrors": {f"https://host/?token={SECRET}": "/folder"}}, "mirrors"),
        ({"datasets": {"mine": {"path": f"https://host/a.zip?key={SECRET}"}}}, "datasets.mine.path"),
        ({"experiments": [{"title": f"see https://host/?key={SECRET}"}]}, "experiments.title"),
        ({"url": f"https://host/a?token={SECRET}${{NAME}}"}, "url"),
        ({"url": f"https://host/a?token=${SECRET}"}, "url"),
    ],
)  # fmt: skip
def test_every_text_and_key_of_a_configuration_is_checked(config: dict, key_path: str) -> None:
    assert get_error(config).startswith(f"config: {key_path} has the value of ")


@pytest.mark.parametrize(
    "user",
    [f"me:{SECRET}", SECRET, f"${{NAME}}:{SECRET}", f"me:{SECRET}@x", f"me:${{NAME}}@{SECRET}", f"me:/{SECRET}"],
)
@pytest.mark.parametrize(
    "form", ["https://{}@host/a", "https://a:${{B}}@c/ https://{}@host/", "${{SCHEME}}://{}@host/"]
)
def test_a_password_in_an_address_is_refused(user: str, form: str) -> None:
    assert "put them into ~/.netrc" in get_error({"cache": form.format(user)})


@pytest.mark.parametrize(
    "query",
    [
        "?abc123longtoken",
        "?sv=2024-01-01&abc123longtoken",
        "?abcdefghijklmnopqrst",
        "?YWJjMTIzbG9uZ3Rva2Vu==",
        "?share=AbCdEf0123456789",
        "?k=abc12345678",
        "?x=1&access=abcd1234",
        "?p=secretpw",
        "?download=1&e=AbCd12",
        "#h=a1b2c3d4e5",
        ";abc123longtoken?x=1",
        "#AbCdEf0123456789",
    ],
)
def test_a_text_that_looks_like_a_key_is_refused_without_its_name(query: str) -> None:
    message = get_error({"archives": {"a": {"url": f"https://host/a.zip{query}"}}})
    assert message == (
        "config: archives.a.url has what may be a key or token in its address, which results would publish; write "
        "?${NAME} for all after the ?, and set the environment variable NAME"
    )


def test_a_secret_in_an_address_in_an_address_is_refused() -> None:
    for nested in (f"https://b/?token={SECRET}", f"https%3A%2F%2Fb%2F%3Ftoken%3D{SECRET}"):
        assert "the value of 'token'" in get_error({"url": f"https://host/a?url={nested}"})
    assert "~/.netrc" in get_error({"url": f"https://host/a?url=https%3A%2F%2Fme%3A{SECRET}%40b"})


@pytest.mark.parametrize(
    "token",
    [
        "hf_abcdefghijklmnopqrstuvwxyz",
        "ghp_abcdefghijklmnopqrst0123",
        "glpat-abcdefghijklmnopqrst",
        "AKIAABCDEFGHIJKLMNOP",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc",
    ],
)
def test_a_token_is_refused_anywhere(token: str) -> None:
    message = get_error({"run": "x", "archives": {"a": {"url": f"https://host/{token}/a.zip"}}})
    assert "archives.a.url has a token in it" in message and "HF_TOKEN" in message and token not in message


@pytest.mark.parametrize(
    "text",
    [
        "https://host/a.zip?token=${MY_TOKEN}",
        "https://account.blob.core.windows.net/c/a.zip?${SAS}",
        "https://host/a.zip?sv=2024-01-01&se=2030-01-01&sp=r&sig=${SIGNATURE}",
        "https://me:${PASSWORD}@host/a.zip",
        "${SIGNED_URL}",
        "https://zenodo.org/records/1/files/a.zip?download=1",
        "https://host/uc?export=download&id=1aBcDeFgHiJkLmNoPqRsTuVwXyZ012345",
        "https://s3/a?versionId=3HL4kqtJvjVBH40Nrjfkd&token=",
        "Which apple? The ripe one; key = none",
        r"^(.+)_\d+\.jpg$",
        "maker@example.org",
        "https://host/a.zip;token=${MY_TOKEN}?raw=true",
        "https://host/a.zip;v=1?dl=1",
        "https://host:8080/a@b.zip?download",
        "https://conservancy.umn.edu/bitstream/handle/11299/206575/detection.tar.gz?sequence=1&isAllowed=y",
        "https://huggingface.co/a/b/resolve/0123456789abcdef0123456789abcdef01234567/c.pt?download=true",
        "https://dataverse.example/file?persistentId=doi:10.7910/DVN/ABC123",
        "https://github.com/a/b/issues/1#issuecomment-1234567890",
        "https://github.com/a/b/blob/main/x.py#L123-L145",
        "https://host/list?p=1&k=5&e=true&s=640x480&access=public&t=2024-01-01",
        "https://share.example/:u:/g/a.zip?e=${SHARE_KEY}",
        "https://app.roboflow.com/ds/${DATASET_KEY}?key=${ROBOFLOW_KEY}",
    ],
)
def test_references_and_other_texts_are_allowed(text: str) -> None:
    validate_no_secrets({"archives": {"a": {"url": text}}, "list": [text, 1, None], text: 2})


def test_a_file_named_by_a_variable_needs_its_sha256() -> None:
    def make_config(**source) -> dict:
        return {"archives": {"a": source}, "models": {"m": {"weights": {"path": "w.pt"}}, "shape": {}}}

    for url in ("${SIGNED_URL}", "https://${HOST}/a.zip", "https://host/${TOKEN}/a.zip?x=1"):
        with pytest.raises(UserError, match=r"^config: archives\.a\.url has a variable before the \?.* sha256"):
            validate_identified_files(make_config(url=url))
        validate_identified_files(make_config(url=url, sha256="0" * 64))
    for url in ("https://host/a.zip?token=${T}", "https://${USER}:${PASSWORD}@host/a.zip", "https://host/a.zip"):
        validate_identified_files(make_config(url=url))
    weights = {"archives": {}, "models": {"m": {"weights": {"url": "${SIGNED_URL}"}}}}
    with pytest.raises(UserError, match=r"^config: models\.m\.weights\.url "):
        validate_identified_files(weights)


@pytest.mark.parametrize(
    ("change", "key_path"),
    [
        ({"mirrors": {"https://here.example/": "https://me:secret@there.example/"}}, "mirrors.https://here.example/"),
        ({"archives": {"a": {"file": "a.zip", "url": "https://me@there.example/a.zip"}}}, "archives.a.url"),
        ({"cache": "/tmp/hf_abcdefghijklmnopqrstuvwxyz"}, "cache"),
    ],
)
def test_a_secret_in_the_configuration_is_an_error_that_does_not_quote_it(repository, change, key_path):
    config = copy.deepcopy(CONFIG)
    for key, value in change.items():
        config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
    with pytest.raises(UserError) as error:
        validate_config(config, repository)
    assert str(error.value).startswith(f"config: {key_path} h")
    assert "secret" not in str(error.value) and "hf_" not in str(error.value)


@pytest.mark.parametrize("entry", [{"password": SECRET}, {"headers": {"Authorization": f"Bearer {SECRET}"}}])
def test_a_secret_in_an_option_of_a_plug_in_is_refused(entry: dict) -> None:
    message = get_error({"datasets": {"mine": {"kind": "own", **entry}}})
    assert message.startswith("config: datasets.mine.") and "which results would publish; remove it" in message


def test_the_configurations_of_this_repository_have_no_secrets() -> None:
    files = sorted((Path(__file__).parents[3] / "config").rglob("*.yaml"))
    assert len(files) > 5
    for file in files:
        validate_no_secrets({file.name: yaml.safe_load(file.read_text(encoding="utf-8"))})
