"""Passwords and tokens in a configuration are errors that do not quote them."""

import copy

import pytest

from samgap.config.validate import validate_config
from samgap.errors import UserError
from tests.helpers.small_config import CONFIG


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
