"""Figures and tables on the page of a run: their order, captions, images, tables and sources."""

import base64
import html as markup
import io
import os
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

MAX_IMAGE_WIDTH_PX = 1600
JPEG_QUALITY = 90
LINKED_SUFFIXES = (".parquet", ".json", ".yaml")
"""Suffixes of sources that are files of the run or of its configuration."""
MAX_OPEN_ROWS = 40
"""Default of `embed_table`."""
PAPER_NUMBERS = (*(f"Figure {number}" for number in range(1, 9)), *(f"Table {number}" for number in range(1, 5)))
"""The figures and tables of the paper."""


@dataclass(frozen=True)
class Entry:
    """A figure or a table of the run.

    Attributes:
        section: `figures` or `tables`.
        id: Its id in the configuration.
        number: Its number in the paper, or `beyond the paper`.
        title: Its title.
        caption: Its caption, reStructuredText.
        folder: The folder of its files, whose names are `<id>.<format>`.
        sources: What its rows were computed from: paths of tables, or parts of packages.
        dataset: The data set whose images it shows, or empty.
    """

    section: str
    id: str
    number: str
    title: str
    caption: str
    folder: Path
    sources: Sequence[str] = ()
    dataset: str = ""

    @property
    def anchor(self) -> str:
        """The id of its heading on the page."""
        return f"{self.section}-{self.id}"

    @property
    def heading(self) -> str:
        """Number and title, or the title alone if it is not in the paper."""
        return f"{self.number}. {self.title}" if _parse_number(self.number) else self.title

    def get_file(self, file_format: str) -> Path:
        """Return the path of one of its files, such as `csv`."""
        return self.folder / f"{self.id}.{file_format}"


def sort_entries(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries in the paper's order: figures, tables, and then those beyond the paper as they are given."""

    def get_key(entry: Entry) -> tuple[int, int, str]:
        found = _parse_number(entry.number)
        return (("Figure", "Table").index(found[1]), int(found[2]), entry.number) if found else (2, 0, "")

    return sorted(entries, key=get_key)


def list_missing_numbers(entries: Iterable[Entry]) -> list[str]:
    """Return the figures and tables of the paper that no entry has."""
    present = {found[0] for entry in entries if (found := _parse_number(entry.number))}
    return [number for number in PAPER_NUMBERS if number not in present]


def render_caption(caption: str) -> str:
    """Return the paragraphs, lists and code of a caption as HTML; other markup stays as it is written."""
    parts = []
    for paragraph in re.split(r"\n\s*\n", caption.strip()):
        items = re.split(r"(?:^|\n)- ", paragraph)
        text = _render_inline(items[0])
        parts += [f"<p>{text}</p>"] if text else []
        if len(items) > 1:
            parts.append("<ul>" + "".join(f"<li>{_render_inline(item)}</li>" for item in items[1:]) + "</ul>")
    return "\n".join(parts)


def describe_rows(entry: Entry, models: Mapping[str, Mapping[str, Any]], n_images: Mapping[str, int]) -> str:
    """Return the data sets with their images, the models, the prompt sets and the number of rows of the CSV file.

    Args:
        entry: The figure or table.
        models: All models of the configuration, by id.
        n_images: The number of images of each data set.
    """
    rows = pd.read_csv(entry.get_file("csv"))
    if rows.empty:
        return "No data: this run has no row for it."
    parts = []
    for column, name in (("dataset", "Data"), ("model", "Models"), ("prompts", "Prompts")):
        ids = [] if column not in rows else [str(id) for id in dict.fromkeys(rows[column].dropna())]
        if column == "dataset":
            ids = ids or [entry.dataset] * bool(entry.dataset)
            ids = [f"{id} ({n_images[id]:,} images)" if id in n_images else id for id in ids]
        if column == "model":
            ids = [str(models.get(id, {}).get("label", id)) for id in ids]
        parts += [f"{name}: {', '.join(ids)}."] if ids else []
    return " ".join([*parts, f"Rows: {len(rows):,}."])


def encode_image(png_path: Path) -> str:
    """Return an image, at most 1600 px wide, as a data URI: PNG, or JPEG if that has less than half the size."""
    with Image.open(png_path) as image:
        picture = image.convert("RGB") if not image.has_transparency_data else _flatten(image)
    if picture.width > MAX_IMAGE_WIDTH_PX:
        height = round(picture.height * MAX_IMAGE_WIDTH_PX / picture.width)
        picture = picture.resize((MAX_IMAGE_WIDTH_PX, height), Image.Resampling.LANCZOS)
    png, jpeg = io.BytesIO(), io.BytesIO()
    picture.save(png, "PNG", optimize=True)
    picture.save(jpeg, "JPEG", quality=JPEG_QUALITY)
    is_photograph = 2 * len(jpeg.getvalue()) < len(png.getvalue())
    media_type, data = ("jpeg", jpeg) if is_photograph else ("png", png)
    return f"data:image/{media_type};base64,{base64.b64encode(data.getvalue()).decode()}"


def embed_table(document: str, folder: str, max_open_rows: int = MAX_OPEN_ROWS) -> str:
    """Return the content of a table's HTML document without its title.

    Args:
        document: As `grid.render_html` returns it.
        folder: The folder of the document, relative to that of the page; links are relative to it.
        max_open_rows: Tables with more rows are collapsed until a reader opens them.
    """
    body = document.partition("<body>")[2].partition("</body>")[0]
    body = re.sub(r"<h1>.*?</h1>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'(?<= href=")(?![a-z]+:|#)[^"]+', lambda found: posixpath.normpath(f"{folder}/{found[0]}"), body)

    def render_block(found: re.Match[str]) -> str:
        heading, table = found[1], found[2]
        n_rows = table.count("<tr") - 1
        if n_rows <= max_open_rows:
            return f"<h4>{heading}</h4>\n<div>{table}</div>"
        return f"<details><summary>{heading} (rows: {n_rows:,})</summary>\n<div>{table}</div></details>"

    return re.sub(r"<h2>(.*?)</h2>\s*(<table>.*?</table>)", render_block, body.strip(), flags=re.DOTALL)


def render_sources(entry: Entry, page_folder: Path) -> str:
    """Return what the rows of an entry come from, tables as links, for a reader to open."""
    if not entry.sources:
        return ""
    sources = [source.strip() for source in entry.sources]
    # A row about a package names its module, which is no file of the run.
    texts = [
        link(os.path.relpath(source, page_folder), source)
        if source.endswith(LINKED_SUFFIXES)
        else markup.escape(source)
        for source in sources
    ]
    items = "".join(f"<li>{text}</li>" for text in texts)
    return f"<details><summary>Sources of its rows: {len(sources):,}</summary>\n<ul>{items}</ul></details>"


def link(address: str, text: str) -> str:
    """Return an HTML link."""
    return f'<a href="{markup.escape(Path(address).as_posix())}">{markup.escape(text)}</a>'


def _parse_number(number: str) -> re.Match[str] | None:
    return re.match(r"(Figure|Table) (\d+)", number)


def _render_inline(text: str) -> str:
    """Return text as HTML, on one line, with its code marked."""
    return re.sub(r"(`+)(.+?)\1_?", r"<code>\2</code>", markup.escape(" ".join(text.split())))


def _flatten(image: Image.Image) -> Image.Image:
    """Return an image with transparent pixels on white."""
    picture = Image.new("RGBA", image.size, "white")
    picture.alpha_composite(image.convert("RGBA"))
    return picture.convert("RGB")
