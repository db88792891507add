"""Readable tables: blocks of rows with footnotes, rendered as Markdown, LaTeX (booktabs, graphicx) and HTML."""

import html as markup
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LATEX = {
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
    "≤": r"$\leq$",
    "×": r"$\times$",
    "−": r"$-$",
    "“": "``",
    "”": "''",
}


@dataclass(frozen=True)
class Cell:
    """A value with, on request, its interval below it and the letter of its footnote."""

    text: str
    interval: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Block:
    """Rows under one heading. The first `stub` columns name the row; the rest hold values."""

    heading: str
    columns: Sequence[str]
    stub: int
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Page:
    """One table of the paper: its blocks, its footnotes (letter, text) and the remarks under them."""

    label: str
    title: str
    blocks: Sequence[Block]
    footnotes: Sequence[tuple[str, str]] = ()
    remarks: Sequence[str] = ()


def escape(text: str) -> str:
    """`text` for LaTeX: every character that means something to it is printed as itself."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def markdown(page: Page) -> str:
    """`page` as Markdown (pipe tables)."""
    lines = [f"# {_pipes(page.title)}", ""]
    for block in page.blocks:
        aligned = ["---"] * block.stub + ["---:"] * (len(block.columns) - block.stub)
        lines += [f"## {_pipes(block.heading)}", "", _row(map(_pipes, block.columns)), _row(aligned)]
        lines += [_row(_markdown_cell(cell) for cell in row) for row in block.rows]
        lines.append("")
    lines += [f"({letter}) {_pipes(text)}  " for letter, text in page.footnotes]
    lines += [""] * bool(page.footnotes)
    lines += [f"{_pipes(text)}  " for text in page.remarks]
    return "\n".join(lines).rstrip() + "\n"


def latex(page: Page) -> str:
    """`page` as one LaTeX `table*` for each block; needs the packages booktabs and graphicx."""
    return "\n".join(["% needs \\usepackage{booktabs,graphicx}", *(_latex_block(page, block) for block in page.blocks)])


def html(page: Page) -> str:
    """`page` as one self-contained HTML document."""
    parts = [f"<h1>{markup.escape(page.title)}</h1>"]
    for block in page.blocks:
        head = "".join(f"<th>{markup.escape(name)}</th>" for name in block.columns)
        body = "\n".join("<tr>" + "".join(map(_html_cell, row)) + "</tr>" for row in block.rows)
        parts.append(f"<h2>{markup.escape(block.heading)}</h2>\n<table>\n<tr>{head}</tr>\n{body}\n</table>")
    parts += [f"<p>({letter}) {markup.escape(text)}</p>" for letter, text in page.footnotes]
    parts += [f"<p>{markup.escape(text)}</p>" for text in page.remarks]
    return _HTML.format(title=markup.escape(page.title), body="\n".join(parts))


_HTML = """<!DOCTYPE html>
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


def _latex_block(page: Page, block: Block) -> str:
    aligned = "l" * block.stub + "r" * (len(block.columns) - block.stub)
    label = f"tab:{page.label}" if block is page.blocks[0] else f"tab:{page.label}-{page.blocks.index(block) + 1}"
    letters = {cell.mark for row in block.rows for cell in row}
    under = [f"({letter}) {escape(text)}" for letter, text in page.footnotes if letter in letters]
    under += map(escape, page.remarks)
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering",
            rf"\caption{{{escape(page.title)}: {escape(block.heading)}.}}",
            rf"\label{{{label}}}",
            # Shrunk only where it is wider than the text, never blown up.
            r"\sbox0{%",
            rf"\begin{{tabular}}{{{aligned}}}",
            r"\toprule",
            " & ".join(map(escape, block.columns)) + r" \\",
            r"\midrule",
            *(" & ".join(map(_latex_cell, row)) + r" \\" for row in block.rows),
            r"\bottomrule",
            r"\end{tabular}}%",
            r"\ifdim\wd0>\textwidth\resizebox{\textwidth}{!}{\usebox0}\else\usebox0\fi",
            *(rf"\par\smallskip\footnotesize {text}" for text in under),
            r"\end{table*}",
            "",
        ]
    )


def _latex_cell(cell: Cell) -> str:
    text = escape(cell.text) + (rf"\textsuperscript{{{cell.mark}}}" if cell.mark else "")
    return rf"{text} {{\scriptsize[{escape(cell.interval)}]}}" if cell.interval else text


def _markdown_cell(cell: Cell) -> str:
    mark = f" ({cell.mark})" if cell.mark else ""
    return _pipes(cell.text) + mark + (f" [{cell.interval}]" if cell.interval else "")


def _html_cell(cell: Cell) -> str:
    mark = f" <sup>{cell.mark}</sup>" if cell.mark else ""
    interval = f"<br><small>[{markup.escape(cell.interval)}]</small>" if cell.interval else ""
    return f"<td>{markup.escape(cell.text)}{mark}{interval}</td>"


def _pipes(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
