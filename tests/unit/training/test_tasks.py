"""What the loop needs of a family: the data set of each image of a batch, and the names of images."""

import numpy as np
import pytest

from samgap.training.tasks import DatasetSource, sample_source_indices


def test_images_are_sampled_from_the_data_sets_by_their_fractions(tmp_path):
    sources = [DatasetSource(tmp_path, tmp_path / name, name, share) for name, share in (("a", 0.75), ("b", 0.25))]
    indices = sample_source_indices(sources, 4000, np.random.default_rng(0))
    assert np.mean(indices == 1) == pytest.approx(0.25, abs=0.03)


def test_an_image_is_named_by_its_data_set_and_file(tmp_path):
    assert DatasetSource(tmp_path, tmp_path / "instances.json", "orchard").name_image("a.png") == "orchard/a.png"
    assert DatasetSource(tmp_path / "images", tmp_path / "instances.json").name_image("a.png") == "images/a.png"
