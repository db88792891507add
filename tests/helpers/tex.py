"""Compilation of printed tables with TeX, if this machine has it."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from samgap.paper.latex import PREAMBLE

needs_tex = pytest.mark.skipif(
    shutil.which("pdflatex") is None, reason="no pdflatex (Debian: texlive-latex-base and texlive-latex-recommended)"
)
MAX_OVERFULL_PT = 3.0
"""By how much a line may be wider than the page."""


def compile_tex(table: Path, folder: Path) -> str:
    """Compile a LaTeX table alone, as in an article; return the log. An error or a line beyond the page fails."""
    packages = "\n".join(PREAMBLE.split(", "))
    document = folder / "document.tex"
    document.write_text(
        "\\documentclass{article}\n\\usepackage[margin=2cm]{geometry}\n"
        f"{packages}\n\\begin{{document}}\n{table.read_text(encoding='utf-8')}\n\\end{{document}}\n",
        encoding="utf-8",
    )
    # The widths of the columns of a longtable are final in the second run.
    for _ in range(2):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", document.name]
        result = subprocess.run(
            command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", timeout=120
        )
        assert result.returncode == 0, result.stdout[-3000:]
    log = (folder / "document.log").read_text(encoding="utf-8", errors="replace")
    widths = [float(width) for width in re.findall(r"Overfull \\hbox \((\d+\.\d+)pt too wide", log)]
    assert max(widths, default=0.0) <= MAX_OVERFULL_PT, [line for line in log.splitlines() if "Overfull" in line]
    assert "Missing character" not in log
    return log
