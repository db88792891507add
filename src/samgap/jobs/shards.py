"""The images of a shard: image number i of images.parquet is in shard i modulo the number of shards.

All frames of a sequence are in one shard, because a tracked prediction depends on the frames before it: in a data set
with sequences, sequence number i (in the order of images.parquet) is in shard i modulo the number of shards.
"""

import numpy as np
import pandas as pd


def select_shard(images: pd.DataFrame, shard: str | int, n_shards: int) -> pd.DataFrame:
    """Return the rows of table `images` that are in number `shard` of `n_shards` shards; there may be none."""
    # An image that is not a frame counts as a sequence of one frame.
    image_numbers = pd.Series(range(len(images)), images.index, dtype=object)
    sequences = (
        images["sequence"].where(images["sequence"].notna(), image_numbers) if "sequence" in images else image_numbers
    )
    numbers = pd.factorize(sequences)[0] if len(images) else np.zeros(0, np.int64)
    return images[numbers % n_shards == int(shard)].reset_index(drop=True)
