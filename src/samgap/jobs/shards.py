"""Which images a shard holds: image number i of images.parquet is in shard i modulo the number of shards.

A sequence is never cut, since what is followed through it is answered from its frames before: where images have one,
sequence number i (in the order of images.parquet) is in shard i modulo the number of shards, with all its frames.
"""

import numpy as np
import pandas as pd


def select_shard(images: pd.DataFrame, shard: str | int, n_shards: int) -> pd.DataFrame:
    """The rows of `images` (table `images`) that belong to `shard` of `shards`; may be empty."""
    # An image that is no frame counts as a sequence of its own.
    alone = pd.Series(range(len(images)), images.index, dtype=object)
    of = images["sequence"].where(images["sequence"].notna(), alone) if "sequence" in images else alone
    number = pd.factorize(of)[0] if len(images) else np.zeros(0, np.int64)
    return images[number % n_shards == int(shard)].reset_index(drop=True)
