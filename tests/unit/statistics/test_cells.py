"""Cells are read from the files of their shards, in an order that does not depend on the shards."""

import pandas as pd
import pytest

from samgap.statistics.cells import CellReader
from samgap.tables.matching import INSTANCES, PAIRS
from tests.helpers.metric_pairs import make_pair
from tests.helpers.sums import evaluate, make_table

KEY = ("set", "model", "words")
PHRASES = ("apple", "pear")
HITS = [f"hits_{shape}_{size}" for shape in ("mask", "box") for size in ("all", "small", "medium", "large")]
TABLE = make_table(
    "pairs",
    [
        {
            **make_pair(image, truth=1, predicted=1, phrase=phrase),
            "scores": [0.5],
            **{key: [1023 * (image % 2)] for key in HITS},
        }
        for image in range(1, 25)
        for phrase in PHRASES
    ],
)
FOUND = make_table(
    "instances",
    [
        {"prompt_id": f"{image}-{phrase}", "image_id": image, "truth_id": image, "outcome": "matched", "iou": 0.9}
        for image in range(1, 25)
        for phrase in PHRASES
    ],
)


def write_shards(folder, n_shards):
    """Write both tables in shards, image i in shard i modulo their number, and return a reader."""
    paths = {}
    for name, table, schema in (("pairs", TABLE, PAIRS), ("instances", FOUND, INSTANCES)):
        paths[name] = []
        for shard in range(n_shards):
            path = folder / "dataset=set" / "model=model" / "prompts=words" / f"shard={shard}" / f"{name}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            schema.write(path, table[table["image_id"] % n_shards == shard])
            paths[name].append(path)
    return CellReader({"set": False}, paths["pairs"], paths["instances"])


@pytest.mark.parametrize("n_shards", [2, 3, 11])
def test_the_cell_is_the_same_for_every_number_of_shards(tmp_path, n_shards):
    whole = write_shards(tmp_path / "1", 1).read(KEY)
    divided = write_shards(tmp_path / str(n_shards), n_shards).read(KEY)
    pd.testing.assert_frame_equal(divided.pairs, whole.pairs)
    pd.testing.assert_frame_equal(divided.instances, whole.instances)
    # All scores are equal and those of odd images are right: the k-th match has precision k / (2k − 1), recall k / 24.
    expected = sum(next(k / (2 * k - 1) for k in range(1, 13) if 100 * k >= 24 * recall) for recall in range(51)) / 101
    assert evaluate("map", divided.pairs) == evaluate("map", whole.pairs) == pytest.approx(expected, abs=1e-12)
    assert not whole.exhaustive and not divided.exhaustive
    assert whole.pairs["image_id"].tolist() == sorted(2 * list(range(1, 25)))
