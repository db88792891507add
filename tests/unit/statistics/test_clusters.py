import numpy as np
import pandas as pd
import pytest

from samgap.errors import UserError
from samgap.statistics.clusters import assign_clusters


def images(groups):
    return pd.DataFrame({"image_id": np.arange(len(groups)) * 10, "group": groups})


def test_ten_groups_are_drawn_as_groups():
    found = assign_clusters(images([f"video {number % 10}" for number in range(40)]))
    assert (found.kind, found.count, found.warning) == ("group", 10, None)
    assert found.cluster_codes([0, 100, 10, 390]).tolist() == [0, 0, 1, 9]


def test_fewer_are_drawn_by_image_with_a_warning():
    found = assign_clusters(images([f"video {number % 9}" for number in range(40)]))
    assert (found.kind, found.count) == ("image", 40)
    assert "drawn by image, as the data set has only 9 groups (fewer than 10)" in found.warning
    assert "only 1 group (" in assign_clusters(images(["one", "one"])).warning


@pytest.mark.parametrize("number", [3, 30])
def test_groups_of_one_image_are_images(number):
    found = assign_clusters(images([f"scene {number}" for number in range(number)]))
    assert (found.kind, found.count, found.warning) == ("image", number, None)


def test_the_order_of_images_does_not_matter():
    for groups in (["a", "b", "a"], [str(number // 2) for number in range(30)]):
        table = images(groups)
        one, other = assign_clusters(table), assign_clusters(table[::-1])
        assert one.cluster_codes(table["image_id"]).tolist() == other.cluster_codes(table["image_id"]).tolist()


def test_an_unknown_image_is_one_line():
    with pytest.raises(UserError, match=r"image 7 is not in its data set's images\.parquet"):
        assign_clusters(images(["a", "b"])).cluster_codes([0, 7])
