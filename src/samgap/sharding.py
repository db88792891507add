"""Which images a shard holds: image number i of images.parquet is in shard i modulo the number of shards."""

import pandas as pd


def in_shard(images: pd.DataFrame, shard: str | int, shards: int) -> pd.DataFrame:
    """The rows of `images` (table `images`) that belong to `shard` of `shards`; may be empty."""
    return images.iloc[int(shard) :: shards].reset_index(drop=True)
