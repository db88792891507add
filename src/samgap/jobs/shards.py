"""The images of a shard: image number i of images.parquet is in shard i modulo the number of shards.

All frames of a sequence are in one shard, because a tracked prediction depends on the frames before it: in a data set
with sequences, sequence number i (in the order of images.parquet) is in shard i modulo the number of shards.
"""

import pandas as pd

from samgap.tables.images import number_sequences


def select_shard(images: pd.DataFrame, shard: str | int, n_shards: int) -> pd.DataFrame:
    """Return the rows of table `images` that are in number `shard` of `n_shards` shards; there may be none."""
    return images[number_sequences(images) % n_shards == int(shard)].reset_index(drop=True)
