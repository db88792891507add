"""Printed tables: blocks of rows with footnotes, rendered as Markdown and HTML; LaTeX is in `latex.py`."""

import html as markup
import itertools
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote


@dataclass(frozen=True)
class Cell:
    """A value as printed, its confidence interval and the letter of its footnote; these may be empty.

    `links` has texts and addresses, relative to the folder of the table; they are in Markdown and HTML.
    """

    text: str
    interval: str = ""
    footnote: str = ""
    links: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Block:
    """Rows under one heading. The first `n_stub_columns` columns name the row, the others have values.

    `text_widths` has the columns with running text, by number, and their widths in LaTeX as shares of the line.
    `group_starts` has the numbers of rows that begin a group, which is set apart from the rows before.
    """

    heading: str
    columns: Sequence[str]
    n_stub_columns: int
    rows: Sequence[Sequence[Cell]]
    text_widths: Mapping[int, float] = field(default_factory=dict)
    group_starts: Collection[int] = ()


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper: its blocks, footnotes (letter, text) and the remarks below them."""

    label: str
    title: str
    blocks: Sequence[Block]
    footnotes: Sequence[tuple[str, str]] = ()
    remarks: Sequence[str] = ()


def keep_arrows(text: str) -> str:
    """Return `text` with no-break spaces before the arrows of metrics, so that no line begins with one."""
    return re.sub(" (?=[↑↓])", "\u00a0", text)


def iter_groups(block: Block) -> Iterator[Sequence[Sequence[Cell]]]:
    """Yield the rows of each group; without groups, each row alone."""
    starts = sorted({0, *block.group_starts}) if block.group_starts else range(len(block.rows))
    for start, end in itertools.pairwise([*starts, len(block.rows)]):
        yield block.rows[start:end]


def list_spanning(group: Sequence[Sequence[Cell]]) -> Collection[int]:
    """Return the columns whose cell in the first row of a group spans all rows, as it is empty in the others."""
    first, *others = group
    return {column for column in range(len(first)) if others and not any(row[column].text for row in others)}


def render_markdown(table: PaperTable) -> str:
    """Return the table as Markdown (pipe tables)."""
    lines = [f"# {_escape_markdown(table.title)}", ""]
    for block in table.blocks:
        alignment = ["---"] * block.n_stub_columns + ["---:"] * (len(block.columns) - block.n_stub_columns)
        lines += [
            f"## {_escape_markdown(block.heading)}",
            "",
            _render_markdown_row(map(_escape_markdown, block.columns)),
            _render_markdown_row(alignment),
        ]
        lines += [_render_markdown_row(_render_markdown_cell(cell) for cell in row) for row in block.rows]
        lines.append("")
    lines += [f"({letter}) {_escape_markdown(text)}  " for letter, text in table.footnotes]
    lines += [""] * bool(table.footnotes)
    lines += [f"{_escape_markdown(text)}  " for text in table.remarks]
    return "\n".join(lines).rstrip() + "\n"


def render_html(table: PaperTable) -> str:
    """Return the table as a self-contained HTML document."""
    parts = [f"<h1>{markup.escape(table.title)}</h1>"]
    for block in table.blocks:
        header = "".join(f"<th>{markup.escape(keep_arrows(name))}</th>" for name in block.columns)
        is_grouped = bool(block.group_starts)
        body = "\n".join(row for group in iter_groups(block) for row in _render_html_group(group, is_grouped))
        parts.append(f"<h2>{markup.escape(block.heading)}</h2>\n<table>\n<tr>{header}</tr>\n{body}\n</table>")
    parts += [f"<p>({letter}) {markup.escape(text)}</p>" for letter, text in table.footnotes]
    parts += [f"<p>{_link_addresses(markup.escape(text))}</p>" for text in table.remarks]
    return render_html_document(table.title, _DOCUMENT_STYLE + TABLE_STYLE.lstrip(), "\n".join(parts))


FIRST_OF_GROUP = ' class="first"'
TABLE_STYLE = """
table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }
th { border-bottom: 1px solid; text-align: left; }
th, td { padding: 3px 10px; vertical-align: top; }
tr.first td { border-top: 1px solid #ccc; }
small { color: #666; white-space: nowrap; }
"""
"""The style rules of tables in HTML."""
_DOCUMENT_STYLE = """
body { font: 14px sans-serif; margin: 1.5em; color: #222; background: #fff; }
h1 { font-size: 18px; } h2 { font-size: 15px; margin-top: 1.5em; }
"""
_HTML_DOCUMENT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def render_html_document(title: str, style: str, body: str) -> str:
    """Return a self-contained HTML document; the title is a text, the other two are CSS and HTML."""
    return _HTML_DOCUMENT.format(title=markup.escape(title), style=style.strip(), body=body)


def _render_markdown_cell(cell: Cell) -> str:
    mark = f" ({cell.footnote})" if cell.footnote else ""
    links = "".join(f" [{_escape_markdown(text)}]({_quote(address)})" for text, address in cell.links)
    return _escape_markdown(cell.text) + mark + (f" [{cell.interval}]" if cell.interval else "") + links


def _render_html_group(group: Sequence[Sequence[Cell]], is_set_apart: bool) -> Iterator[str]:
    """Yield the rows of a group; a cell of the first row spans all rows if it is empty in the others."""
    first, *others = group
    spanning = list_spanning(group)
    cells = (_render_html_cell(cell, len(group) if column in spanning else 1) for column, cell in enumerate(first))
    yield f"<tr{FIRST_OF_GROUP if is_set_apart else ''}>{''.join(cells)}</tr>"
    for row in others:
        cells = (_render_html_cell(cell) for column, cell in enumerate(row) if column not in spanning)
        yield f"<tr>{''.join(cells)}</tr>"


def _render_html_cell(cell: Cell, n_rows: int = 1) -> str:
    mark = f" <sup>{cell.footnote}</sup>" if cell.footnote else ""
    interval = f"<br><small>[{markup.escape(cell.interval)}]</small>" if cell.interval else ""
    links = "".join(
        f' <a href="{markup.escape(_quote(address))}">{markup.escape(text)}</a>' for text, address in cell.links
    )
    span = f' rowspan="{n_rows}"' if n_rows > 1 else ""
    return f"<td{span}>{markup.escape(keep_arrows(cell.text))}{mark}{interval}{links}</td>"


def _link_addresses(html: str) -> str:
    """Return escaped HTML with links on its web addresses."""
    return re.sub(r"https?://[^\s<]+[^\s<.,;)]", r'<a href="\g<0>">\g<0></a>', html)


def _quote(address: str) -> str:
    """Return an address without characters that end a link."""
    return quote(address, safe="/:#?=&%")


def _escape_markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _render_markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
