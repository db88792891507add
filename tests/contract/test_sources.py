"""Where the configurations say that data and weights come from."""

from pathlib import Path

import pytest
import yaml

from samgap.config.validate import validate_config
from samgap.errors import UserError

ROOT = Path(__file__).parents[2]


@pytest.fixture
def paper() -> dict:
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


def test_the_four_sizes_of_sam2_are_there(paper):
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
    # A whole revision: then the file is taken from a cache without a request.
    assert len(models["sam3"]["weights"]["revision"]) == 40


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"mirrors": {"https://here.example/": "https://me:secret@there.example/"}}, "mirrors.https://here.example/"),
        ({"archives": {"a": {"file": "a.zip", "url": "https://me@there.example/a.zip"}}}, "archives.a.url"),
        ({"cache": "/tmp/hf_abcdefghijklmnopqrstuvwxyz"}, "cache"),
    ],
)
def test_no_secret_in_a_configuration(paper, change, where):
    for key, value in change.items():
        paper[key] = {**paper.get(key, {}), **value} if isinstance(value, dict) else value
    with pytest.raises(UserError) as error:
        validate_config(paper, ROOT)
    assert str(error.value).startswith(f"config: {where} h")
    assert "secret" not in str(error.value) and "hf_" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mirrors": {"there.example": "x"}}, "mirrors"),
        ({"connections": 0}, "connections"),
        ({"connections": 99}, "connections"),
        ({"cache": ""}, "cache"),
    ],
)
def test_what_cannot_be_fetched_with(paper, change, said):
    with pytest.raises(UserError, match=said):
        validate_config({**paper, **change}, ROOT)
