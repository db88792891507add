"""Images and sequences of the simulated orchard."""

import pytest

from samgap.datasets import orchard_sim
from tests.helpers.orchard import SEQUENCES, render_images


@pytest.fixture(scope="session")
def scenes():
    """Images of 24 scenes."""
    return render_images()


@pytest.fixture(scope="session")
def frames():
    """Frames of two sequences of four frames."""
    return list(orchard_sim.iter_images(SEQUENCES, {}, seed=0))
