"""Which images a shard holds: image number i of images.parquet is in shard i modulo the number of shards.

A sequence is never cut, since what is followed through it is answered from its frames before: where images have one,
sequence number i (in the order of images.parquet) is in shard i modulo the number of shards, with all its frames.
"""

import pandas as pd

from samgap.tables.images import number_sequences


def select_shard(images: pd.DataFrame, shard: str | int, n_shards: int) -> pd.DataFrame:
    """The rows of `images` (table `images`) that belong to `shard` of `shards`; may be empty."""
    return images[number_sequences(images) % n_shards == int(shard)].reset_index(drop=True)
