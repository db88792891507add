"""Printed tables: blocks of rows with footnotes, rendered as Markdown, LaTeX (booktabs, graphicx) and HTML."""

import html as markup
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

_LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "≥": r"$\geq$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "≤": r"$\leq$",
    "×": r"$\times$",
    "†": r"\dag{}",
    "−": r"$-$",
    "“": "``",
    "”": "''",
}


@dataclass(frozen=True)
class Cell:
    """A value as printed, its confidence interval and the letter of its footnote; these may be empty."""

    text: str
    interval: str = ""
    footnote: str = ""


@dataclass(frozen=True)
class Block:
    """Rows under one heading. The first `n_stub_columns` columns name the row, the others have values.

    `text_widths` has the columns with running text, by number, and their widths in LaTeX, cm.
    """

    heading: str
    columns: Sequence[str]
    n_stub_columns: int
    rows: Sequence[Sequence[Cell]]
    text_widths: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class PaperTable:
    """A table of the paper: its blocks, footnotes (letter, text) and the remarks below them."""

    label: str
    title: str
    blocks: Sequence[Block]
    footnotes: Sequence[tuple[str, str]] = ()
    remarks: Sequence[str] = ()


def escape_latex(text: str) -> str:
    """Return `text` with all special characters of LaTeX escaped."""
    return "".join(_LATEX_ESCAPES.get(character, character) for character in text)


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


def render_latex(table: PaperTable) -> str:
    """Return the table as LaTeX, one `table*` for each block; it needs the packages booktabs and graphicx."""
    return "\n".join(
        ["% needs \\usepackage{booktabs,graphicx}", *(_render_latex_block(table, block) for block in table.blocks)]
    )


def render_html(table: PaperTable) -> str:
    """Return the table as a self-contained HTML document."""
    parts = [f"<h1>{markup.escape(table.title)}</h1>"]
    for block in table.blocks:
        header = "".join(f"<th>{markup.escape(name)}</th>" for name in block.columns)
        body = "\n".join("<tr>" + "".join(map(_render_html_cell, row)) + "</tr>" for row in block.rows)
        parts.append(f"<h2>{markup.escape(block.heading)}</h2>\n<table>\n<tr>{header}</tr>\n{body}\n</table>")
    parts += [f"<p>({letter}) {markup.escape(text)}</p>" for letter, text in table.footnotes]
    parts += [f"<p>{_link_addresses(markup.escape(text))}</p>" for text in table.remarks]
    return _HTML_TEMPLATE.format(title=markup.escape(table.title), body="\n".join(parts))


_HTML_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 14px sans-serif; margin: 1.5em; color: #222; background: #fff; }}
h1 {{ font-size: 18px; }} h2 {{ font-size: 15px; margin-top: 1.5em; }}
table {{ border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }}
th {{ border-bottom: 1px solid; text-align: left; }}
th, td {{ padding: 3px 10px; vertical-align: top; }}
small {{ color: #666; white-space: nowrap; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def _render_latex_block(table: PaperTable, block: Block) -> str:
    kinds = ["l" if number < block.n_stub_columns else "r" for number in range(len(block.columns))]
    alignment = "".join(
        f"p{{{block.text_widths[number]}cm}}" if number in block.text_widths else kind
        for number, kind in enumerate(kinds)
    )
    label = f"tab:{table.label}" if block is table.blocks[0] else f"tab:{table.label}-{table.blocks.index(block) + 1}"
    letters = {cell.footnote for row in block.rows for cell in row}
    lines_below = [f"({letter}) {escape_latex(text)}" for letter, text in table.footnotes if letter in letters]
    lines_below += map(escape_latex, table.remarks)
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{escape_latex(table.title)}: {escape_latex(block.heading)}.}}",
            rf"\label{{{label}}}",
            # Shrink a table that is wider than the text; do not enlarge a narrow one.
            r"\sbox0{%",
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            " & ".join(map(escape_latex, block.columns)) + r" \\",
            r"\midrule",
            *(" & ".join(map(_render_latex_cell, row)) + r" \\" for row in block.rows),
            r"\bottomrule",
            r"\end{tabular}}%",
            r"\ifdim\wd0>\textwidth\resizebox{\textwidth}{!}{\usebox0}\else\usebox0\fi",
            *(rf"\par\smallskip\footnotesize {text}" for text in lines_below),
            r"\end{table*}",
            "",
        ]
    )


def _render_latex_cell(cell: Cell) -> str:
    text = escape_latex(cell.text) + (rf"\textsuperscript{{{cell.footnote}}}" if cell.footnote else "")
    return rf"{text} {{\scriptsize[{escape_latex(cell.interval)}]}}" if cell.interval else text


def _render_markdown_cell(cell: Cell) -> str:
    mark = f" ({cell.footnote})" if cell.footnote else ""
    return _escape_markdown(cell.text) + mark + (f" [{cell.interval}]" if cell.interval else "")


def _render_html_cell(cell: Cell) -> str:
    mark = f" <sup>{cell.footnote}</sup>" if cell.footnote else ""
    interval = f"<br><small>[{markup.escape(cell.interval)}]</small>" if cell.interval else ""
    return f"<td>{markup.escape(cell.text)}{mark}{interval}</td>"


def _link_addresses(html: str) -> str:
    """Return escaped HTML with links on its web addresses."""
    return re.sub(r"https?://[^\s<]+[^\s<.,;)]", r'<a href="\g<0>">\g<0></a>', html)


def _escape_markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _render_markdown_row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
