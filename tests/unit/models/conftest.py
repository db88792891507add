"""A small image."""

import pytest
from PIL import Image

from tests.helpers.demo_weights import draw_square
from tests.helpers.package_prompts import HEIGHT, WIDTH


@pytest.fixture(scope="session")
def image():
    """A red rectangle on noise."""
    return Image.fromarray(draw_square(HEIGHT, WIDTH))
