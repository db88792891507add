"""Sources of weights in the configuration of the paper."""

from pathlib import Path

import pytest
import yaml

from samgap.config.validate import validate_config

ROOT = Path(__file__).parents[2]


@pytest.fixture
def paper() -> dict:
    return yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))


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
