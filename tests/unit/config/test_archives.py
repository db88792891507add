"""Data sets whose path is an address."""

import copy

from samgap.config.archives import add_url_archives
from tests.helpers.small_config import CONFIG

URL = "https://example.org/sets/orchard.tar.gz?version=2"


def add_data_sets(**paths):
    """Return CONFIG with data sets of kind `coco` at these paths."""
    config = copy.deepcopy(CONFIG)
    config["datasets"] |= {name.replace("_", "-"): {"kind": "coco", "path": path} for name, path in paths.items()}
    return config


def test_data_sets_at_the_same_address_share_one_archive():
    config = add_url_archives(add_data_sets(mine=URL, mine_val=URL))
    assert config["archives"] == {**CONFIG["archives"], "mine": {"file": "orchard.tar.gz", "url": URL}}
    for name in ("mine", "mine-val"):
        assert config["datasets"][name] == {"kind": "coco", "archives": {"data": "mine"}}


def test_the_id_of_another_archive_is_kept():
    config = add_url_archives(add_data_sets(pictures=URL))
    assert config["archives"]["pictures"] == CONFIG["archives"]["pictures"]
    assert config["datasets"]["pictures"]["archives"] == {"data": "pictures-data"}


def test_an_archive_with_the_address_is_used():
    config = add_url_archives(add_data_sets(mine=CONFIG["archives"]["pictures"]["url"]))
    assert config["archives"] == CONFIG["archives"]
    assert config["datasets"]["mine"]["archives"] == {"data": "pictures"}


def test_a_local_path_needs_no_archive():
    config = add_data_sets(mine="data/mine")
    assert add_url_archives(config) == config
