import pytest
from matplotlib.figure import Figure

from samgap.paper.layout import text_width
from samgap.paper.text_placer import BOLD_WIDTH, TextPlacer

SIZE = 200  # pixels, on two inches


@pytest.fixture
def placer():
    figure = Figure(figsize=(2, 2))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, SIZE)
    axes.set_ylim(SIZE, 0)
    return TextPlacer(axes)


def cover(centre, text):
    """Return the rectangle of a bold text around its centre, in pixels of the image."""
    half_width, half_height = BOLD_WIDTH * text_width(text) * SIZE / 4, 6 / 72 * SIZE / 4
    return centre[0] - half_width, centre[1] - half_height, centre[0] + half_width, centre[1] + half_height


def test_a_text_is_above_its_object_if_there_is_space(placer):
    x, y = placer.place("pear", (90, 100, 110, 120))
    assert x == 100 and 90 < y < 100


@pytest.mark.parametrize(
    ("box", "expected"), [((90, 0, 110, 20), "below"), ((0, 90, 4, 94), "above"), ((190, 180, 200, 200), "above")]
)
def test_a_text_stays_in_the_image(placer, box, expected):
    x, y = placer.place("orange", box)
    x0, y0, x1, y1 = cover((x, y), "orange")
    assert x0 >= 0 and y0 >= 0 and x1 <= SIZE and y1 <= SIZE
    assert y > box[3] if expected == "below" else y < box[1]


def test_texts_of_neighbouring_objects_do_not_overlap(placer):
    boxes = [(90, 100, 110, 120), (96, 101, 116, 121), (84, 102, 104, 122)]
    rectangles = [cover(placer.place("flower", box), "flower") for box in boxes]
    for number, one in enumerate(rectangles):
        for other in rectangles[number + 1 :]:
            is_apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert is_apart, rectangles
