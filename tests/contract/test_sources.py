"""Sources of data and weights in the configurations."""

from pathlib import Path

import pytest
import yaml

from samgap.config.validate import validate_config
from samgap.errors import UserError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def paper() -> dict:
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


def test_the_four_sizes_of_sam2_have_sources(paper):
    models = validate_config(paper, ROOT)["models"]
    for size, file, config in (
        ("tiny", "tiny", "t"),
        ("small", "small", "s"),
        ("base-plus", "base_plus", "b+"),
        ("large", "large", "l"),
    ):
        entry = models[f"sam2-{size}"]
        assert entry["weights"]["url"].endswith(f"/092824/sam2.1_hiera_{file}.pt")
        assert len(entry["weights"]["sha256"]) == 64 and entry["weights"]["second-hand"]
        assert entry["config"] == f"configs/sam2.1/sam2.1_hiera_{config}.yaml"
    assert len({models[f"sam2-{size}"]["weights"]["sha256"] for size in ("tiny", "small", "base-plus", "large")}) == 4
    # A full revision, so that a cached file is used without a request.
    assert len(models["sam3"]["weights"]["revision"]) == 40


@pytest.mark.parametrize(
    ("change", "key_path"),
    [
        ({"mirrors": {"https://here.example/": "https://me:secret@there.example/"}}, "mirrors.https://here.example/"),
        ({"archives": {"a": {"file": "a.zip", "url": "https://me@there.example/a.zip"}}}, "archives.a.url"),
        ({"cache": "/tmp/hf_abcdefghijklmnopqrstuvwxyz"}, "cache"),
    ],
)
def test_a_secret_in_the_configuration_is_an_error_that_does_not_quote_it(paper, change, key_path):
    for key, value in change.items():
        paper[key] = {**paper.get(key, {}), **value} if isinstance(value, dict) else value
    with pytest.raises(UserError) as error:
        validate_config(paper, ROOT)
    assert str(error.value).startswith(f"config: {key_path} h")
    assert "secret" not in str(error.value) and "hf_" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mirrors": {"there.example": "x"}}, "mirrors"),
        ({"connections": 0}, "connections"),
        ({"connections": 99}, "connections"),
        ({"cache": ""}, "cache"),
    ],
)
def test_an_invalid_download_setting_is_an_error(paper, change, message):
    with pytest.raises(UserError, match=message):
        validate_config({**paper, **change}, ROOT)
