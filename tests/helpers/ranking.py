"""A ranked metric with known values."""

import numpy as np
import pandas as pd

from samgap.statistics.sums import RankingStatistics


class Mean:
    """A mean over rows in the form of a ranked metric."""

    def make_resampler(self, pairs, clusters, cache):
        assert not pairs["prompt_id"].duplicated().any()
        values = pairs["n_predicted"].to_numpy(float)

        def resample(weights):
            row_weights = weights[:, clusters]
            return row_weights @ values / row_weights.sum(axis=1)

        return resample


def make_ranking(values, clusters, n_clusters=None):
    """Make a mean of values (N,) in clusters (N,), as a ranked metric."""
    n_clusters = max(clusters) + 1 if n_clusters is None else n_clusters
    pairs = pd.DataFrame({"prompt_id": [str(k) for k in range(len(values))], "image_id": clusters})
    pairs["n_predicted"] = values
    has_data = np.bincount(clusters, minlength=n_clusters) > 0
    return RankingStatistics(has_data, int(has_data.sum()), len(values), Mean(), pairs, np.asarray(clusters))
