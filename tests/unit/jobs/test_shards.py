"""Shards divide the images of a data set, and do not divide a sequence."""

import pandas as pd
import pytest

from samgap.jobs.shards import select_shard


def make_images(n_images: int) -> pd.DataFrame:
    """Return the images of a data set without sequences."""
    return pd.DataFrame({"image_id": range(n_images)})


@pytest.mark.parametrize("n_images", [0, 3, 10])
def test_every_image_is_in_one_shard(n_images):
    shards = [select_shard(make_images(n_images), f"{number:03d}", 4) for number in range(4)]
    assert sorted(pd.concat(shards)["image_id"]) == list(range(n_images))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    assert all(list(shard.index) == list(range(len(shard))) for shard in shards)


def test_an_image_is_in_the_shard_of_its_number():
    assert select_shard(make_images(8), 1, 2)["image_id"].tolist() == [1, 3, 5, 7]
    assert select_shard(make_images(8).assign(sequence=None), "001", 2)["image_id"].tolist() == [1, 3, 5, 7]


def test_a_sequence_is_in_one_shard():
    table = make_images(9).assign(sequence=[*"aaabbb", None, *"cc"], frame=range(9))
    assert select_shard(table, 0, 2)["image_id"].tolist() == [0, 1, 2, 6]
    assert select_shard(table, 1, 2)["image_id"].tolist() == [3, 4, 5, 7, 8]
