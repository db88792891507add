"""Which images are resampled together."""

import numpy as np
import pandas as pd
import pytest

from samgap.errors import UserError
from samgap.statistics.clusters import assign_clusters


def make_images(groups):
    return pd.DataFrame({"image_id": np.arange(len(groups)) * 10, "group": groups})


@pytest.mark.parametrize("n_groups", [1, 2, 3, 4, 9, 10])
def test_groups_are_clusters_however_few_they_are(n_groups):
    clustering = assign_clusters(make_images([f"video {number % n_groups}" for number in range(40)]))
    assert (clustering.kind, clustering.count) == ("group", n_groups)
    assert clustering.cluster_codes([0, 10 * n_groups, 10, 390]).tolist() == [0, 0, 1 % n_groups, 39 % n_groups]


@pytest.mark.parametrize("n_images", [1, 3, 30])
def test_groups_of_one_image_are_images(n_images):
    clustering = assign_clusters(make_images([f"scene {number}" for number in range(n_images)]))
    assert (clustering.kind, clustering.count) == ("image", n_images)


@pytest.mark.parametrize("groups", [["a", "b", "a"], [str(number // 2) for number in range(30)]])
def test_order_of_images_does_not_matter(groups):
    images = make_images(groups)
    codes = [assign_clusters(table).cluster_codes(images["image_id"]).tolist() for table in (images, images[::-1])]
    assert codes[0] == codes[1]


def test_unknown_image_is_an_error():
    with pytest.raises(UserError, match=r"image 7 is not in its data set's images\.parquet; run the matching again"):
        assign_clusters(make_images(["a", "b"])).cluster_codes([0, 7])
