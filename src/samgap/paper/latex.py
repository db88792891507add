"""Printed tables as LaTeX, for pdfTeX: floats, or tables of running text that continue over pages."""

import re
import textwrap
from collections.abc import Iterable, Sequence

from samgap.paper.grid import Block, Cell, PaperTable, iter_groups, keep_arrows, list_spanning

PREAMBLE = "\\usepackage[T1]{fontenc}, \\usepackage{textcomp,array,booktabs,graphicx,longtable}"
_ESCAPES = {
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
    "≈": r"$\approx$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "→": r"$\rightarrow$",
    "←": r"$\leftarrow$",
    "×": r"$\times$",
    "·": r"\textperiodcentered{}",
    "√": r"$\surd$",
    "✓": r"$\surd$",
    "✗": r"$\times$",
    "∅": r"$\emptyset$",
    "∞": r"$\infty$",
    "‖": r"$\Vert$",
    "Δ": r"$\Delta$",
    "σ": r"$\sigma$",
    "ρ": r"$\rho$",
    "†": r"\dag{}",
    "−": r"$-$",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "\u00a0": "~",
    "\n": " ",
}
_LAST_OF_T1 = "\u017f"
"""The last letter that the font encoding T1 covers; later ones need packages that a plain TeX lacks."""
LINE_CHARACTERS = 125
"""Characters that fit on a line of a table with running text, at least."""
_BELOW = r" \\ "
"""Between the lines of a cell."""
MAX_HEADING = 15
"""Characters in a line of a column's heading."""
_LONG_WORD = re.compile(r"\S{25,}")
_BREAKS = re.compile(r"(?<=\w)(?:/|\\_|\.(?=\w))")
"""After what a line may break in a long word, such as a path or the name of a module."""


def escape_latex(text: str) -> str:
    """Return `text` with all special characters of LaTeX escaped; those that pdfTeX lacks are written as `[U+6210]`."""
    parts = []
    for is_missing, run in _group_characters(text):
        if is_missing:
            parts.append(f"[{' '.join(f'U+{ord(character):04X}' for character in run)}]")
        else:
            parts.append("".join(_ESCAPES.get(character, character) for character in run))
    return "".join(parts)


def render_latex(table: PaperTable) -> str:
    """Return the table as LaTeX: a `table*` for each block, or a `longtable` if a block has running text.

    The remarks are below each float, which stands alone, but once after all tables that continue over pages.
    """
    lines = [f"% needs {PREAMBLE}"]
    if any(block.text_widths for block in table.blocks):
        for block in table.blocks:
            lines += [*_render_long_block(table, block), *_format_notes(_list_footnotes(table, block)), ""]
        return "\n".join([*lines, *_format_notes(map(escape_latex, table.remarks)), ""])
    return "\n".join([*lines, *("\n".join(_render_float(table, block)) for block in table.blocks)])


def _render_float(table: PaperTable, block: Block) -> list[str]:
    notes = [*_list_footnotes(table, block), *map(escape_latex, table.remarks)]
    return [
        r"\begin{table*}",
        r"\centering",
        _format_caption(table, block),
        # Shrink a table that is wider than the text; do not enlarge a narrow one.
        r"\sbox0{%",
        rf"\begin{{tabular}}{{{''.join(_list_alignments(block))}}}",
        r"\toprule",
        _render_header(block),
        r"\midrule",
        *_render_rows(block),
        r"\bottomrule",
        r"\end{tabular}}%",
        r"\ifdim\wd0>\textwidth\resizebox{\textwidth}{!}{\usebox0}\else\usebox0\fi",
        *_format_notes(notes),
        r"\end{table*}",
        "",
    ]


def _render_long_block(table: PaperTable, block: Block) -> list[str]:
    header = [r"\toprule", _render_header(block), r"\midrule"]
    return [
        r"{\scriptsize\setlength{\tabcolsep}{2.5pt}",
        rf"\begin{{longtable}}{{{''.join(_list_alignments(block))}}}",
        _format_caption(table, block) + r" \\",
        *header,
        r"\endfirsthead",
        *header,
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *_render_rows(block),
        r"\end{longtable}}",
    ]


def _list_kinds(block: Block) -> list[str]:
    """Return the alignment of each column: l of those that name the row, r of values."""
    return ["l" if number < block.n_stub_columns else "r" for number in range(len(block.columns))]


def _list_alignments(block: Block) -> list[str]:
    return [
        rf">{{\raggedright\arraybackslash}}p{{{block.text_widths[number]}\linewidth}}"
        if number in block.text_widths
        else kind
        for number, kind in enumerate(_list_kinds(block))
    ]


def _format_caption(table: PaperTable, block: Block) -> str:
    number = table.blocks.index(block)
    label = f"tab:{table.label}" + (f"-{number + 1}" if number else "")
    return rf"\caption{{{escape_latex(table.title)}: {escape_latex(block.heading)}.}}\label{{{label}}}"


def _list_footnotes(table: PaperTable, block: Block) -> list[str]:
    """Return the footnotes of a block's cells, escaped."""
    letters = {cell.footnote for row in block.rows for cell in row}
    return [f"({letter}) {escape_latex(text)}" for letter, text in table.footnotes if letter in letters]


def _format_notes(texts: Iterable[str]) -> list[str]:
    return [rf"\par\smallskip{{\footnotesize\raggedright {_allow_breaks(text)}\par}}" for text in texts]


def _render_header(block: Block) -> str:
    return _render_row(
        escape_latex(name)
        if number in block.text_widths
        else _stack([escape_latex(line) for line in _wrap_heading(name)], "b", kind)
        for number, (name, kind) in enumerate(zip(block.columns, _list_kinds(block), strict=True))
    )


def _wrap_heading(name: str) -> list[str]:
    """Return the lines of a heading; short brackets are not broken, and an arrow stays with the word before it."""
    kept = re.sub(r"\([^)]{,8}\)", lambda part: part.group().replace(" ", "\u00a0"), keep_arrows(name))
    return textwrap.wrap(kept, MAX_HEADING, break_long_words=False) or [""]


def _render_rows(block: Block) -> list[str]:
    """Return the lines of a block's rows, with more space before each group of rows but the first."""
    kinds = _list_kinds(block)
    lines: list[str] = []
    for group in iter_groups(block):
        if lines and block.group_starts:
            lines.append(r"\addlinespace")
        hanging = _list_hanging(block, group)
        for row_number, row in enumerate(group, 1):
            cells = [_render_cell(cell, kinds[number], number in block.text_widths) for number, cell in enumerate(row)]
            if row_number == 1:
                cells = [_hang(cell) if number in hanging else cell for number, cell in enumerate(cells)]
            # No page ends within a group. An interval is nearer to its value than to the next row.
            end = ("*" if row_number < len(group) else "") + ("[2pt]" if any(_BELOW in cell for cell in cells) else "")
            lines.append(_render_row(cells) + end)
    return lines


def _list_hanging(block: Block, group: Sequence[Sequence[Cell]]) -> set[int]:
    """Return the columns whose first cell spans the group and, by the length of its text, is no higher than that."""
    return {
        column
        for column in list_spanning(group)
        if column in block.text_widths
        and len(textwrap.wrap(group[0][column].text, int(block.text_widths[column] * LINE_CHARACTERS))) <= len(group)
    }


def _hang(text: str) -> str:
    """Return a cell of running text that has no depth, so it hangs over the empty cells below."""
    return rf"\raisebox{{0pt}}[\height][0pt]{{\parbox[t]{{\linewidth}}{{\raggedright {text}}}}}"


def _render_row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _render_cell(cell: Cell, kind: str, is_text: bool) -> str:
    """Return a cell: running text has the interval in its line, another cell below the value."""
    text = escape_latex(keep_arrows(cell.text))
    if is_text:
        text = _allow_breaks(text)
    text += rf"\textsuperscript{{{cell.footnote}}}" if cell.footnote else ""
    if not cell.interval:
        return text
    interval = rf"{{\scriptsize\mbox{{[{escape_latex(cell.interval)}]}}}}"
    return f"{text} {interval}" if is_text else _stack([text, interval], "t", kind)


def _stack(lines: Sequence[str], position: str, kind: str) -> str:
    """Return lines of LaTeX below one another; a single line unchanged."""
    if len(lines) < 2:
        return "".join(lines)
    stacked = _BELOW.join(lines)
    return rf"\begin{{tabular}}[{position}]{{@{{}}{kind}@{{}}}}{stacked}\end{{tabular}}"


def _allow_breaks(text: str) -> str:
    """Return escaped text in which lines may break within long words."""
    return _LONG_WORD.sub(lambda word: _BREAKS.sub(r"\g<0>\\allowbreak{}", word.group()), text)


def _group_characters(text: str) -> Sequence[tuple[bool, str]]:
    """Return the runs of characters that pdfTeX lacks, and of those that it has, in order."""
    runs: list[tuple[bool, str]] = []
    for character in text:
        is_missing = character > _LAST_OF_T1 and character not in _ESCAPES
        if runs and runs[-1][0] == is_missing:
            runs[-1] = (is_missing, runs[-1][1] + character)
        else:
            runs.append((is_missing, character))
    return runs
