"""The page of the figure of prompt sets: where each set, image and text is."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from samgap.errors import UserError
from samgap.paper import style
from samgap.paper.layout import wrap_text

LEGEND_HEIGHT, NAME_HEIGHT, TEXT_LINE_HEIGHT, LINE_GAP = 0.24, 0.17, 0.095, 0.08
"""Heights in inches: legend, name of a set, line of text, space below a line of sets."""
IMAGE_GAP, SET_GAP = 0.04, 0.12
"""Widths in inches: between images, between sets."""
MIN_WIDTH, MAX_WIDTH = 0.6, 1.7
"""Width of an image, inches."""
MAX_TEXT_LINES = 5
"""Lines of the text above an image, at most; a longer text is cut."""
CONTENT_WIDTH = style.FIGURE_WIDTH_IN - 2 * style.MARGIN_IN
"""Width of everything that is drawn, inches."""


@dataclass(frozen=True)
class Page:
    """A page with prompt sets side by side, in lines. All sizes are in inches.

    Attributes:
        texts: For each set and image, the lines of the text above the image.
        sets_per_line: Number of sets side by side.
        width: Width of an image.
        aspect: Height of an image over its width.
    """

    texts: Sequence[Sequence[Sequence[str]]]
    sets_per_line: int
    width: float
    aspect: float

    @property
    def height(self) -> float:
        """Height of the page."""
        return LEGEND_HEIGHT + sum(self._line_heights()) + style.STAMP_MARGIN_IN

    def image_corner(self, set_index: int, image_index: int) -> tuple[float, float]:
        """Return the distances of an image's upper left corner from that of the page."""
        line, column = divmod(set_index, self.sets_per_line)
        set_width = (CONTENT_WIDTH + SET_GAP) / self.sets_per_line
        top = LEGEND_HEIGHT + [0.0, *accumulate(self._line_heights())][line]
        left = style.MARGIN_IN + column * set_width + image_index * (self.width + IMAGE_GAP)
        return left, top + NAME_HEIGHT + self._count_text_lines(line) * TEXT_LINE_HEIGHT

    def name_bottom(self, set_index: int) -> float:
        """Return the distance of the lower edge of a set's name from the top of the page: directly above its texts."""
        n_lines = max(map(len, self.texts[set_index]), default=0)
        return self.image_corner(set_index, 0)[1] - n_lines * TEXT_LINE_HEIGHT - 0.03

    def _line_heights(self) -> list[float]:
        n_lines = -(-len(self.texts) // self.sets_per_line)
        image = NAME_HEIGHT + self.width * self.aspect + LINE_GAP
        return [image + self._count_text_lines(line) * TEXT_LINE_HEIGHT for line in range(n_lines)]

    def _count_text_lines(self, line: int) -> int:
        """Return the number of lines of the longest text in a line of sets."""
        sets = self.texts[line * self.sets_per_line : (line + 1) * self.sets_per_line]
        return max((len(lines) for texts in sets for lines in texts), default=0)


def fit_page(texts: Sequence[Sequence[str]], aspect: float) -> Page:
    """Return the page with the fewest sets side by side, so with the largest images, that is not too high.

    Args:
        texts: For each set and image, the text above the image.
        aspect: Height of an image over its width.

    Raises:
        UserError: If the images would be too small.
    """
    n_images = max(map(len, texts))
    for sets_per_line in range(1, len(texts) + 1):
        set_width = (CONTENT_WIDTH - (sets_per_line - 1) * SET_GAP) / sets_per_line
        width = min((set_width - (n_images - 1) * IMAGE_GAP) / n_images, MAX_WIDTH)
        if width < MIN_WIDTH:
            break
        wrapped = [[wrap_text(text, width, MAX_TEXT_LINES) for text in set_texts] for set_texts in texts]
        page = Page(wrapped, sets_per_line, width, aspect)
        if page.height <= style.MAX_FIGURE_HEIGHT_IN:
            return page
    raise UserError(f"{len(texts)} prompt sets on {n_images} images each do not fit on a page; name fewer")
