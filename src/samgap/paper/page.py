"""The page of a run: what was run, the verdicts on the claims, and all figures and tables in the paper's order.

It is one HTML file that needs no other file, script or network: images are data URIs, the style is inline. Links lead
to the CSV files, tables and manifest of the run beside it, and to publications.
"""

import html as markup
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samgap.paper import grid, page_entries, page_run
from samgap.paper.page_entries import Entry, embed_table, link
from samgap.paper.tables import TableRequest

FIGURE_FORMATS = {"svg": "SVG", "pdf": "PDF", "png": "PNG"}
TABLE_FORMATS = {"md": "Markdown", "tex": "LaTeX", "html": "HTML"}
MANIFEST = "../manifest.json"
"""The manifest, relative to the folder of the page; it has the SHA-256 of this page, too."""

STYLE = """
body { font: 15px/1.45 sans-serif; color: #222; background: #fff; }
body { max-width: 1200px; margin: 0 auto; padding: 1em 1.5em 4em; }
h1 { font-size: 24px; } h2 { font-size: 20px; margin-top: 2em; border-bottom: 1px solid #ccc; }
h3 { font-size: 17px; margin: 2.2em 0 0.5em; } h4 { font-size: 15px; margin: 1.2em 0 0.4em; }
img { display: block; width: 100%; height: auto; border: 1px solid #ddd; }
div { overflow-x: auto; }
table { font-size: 13px; }
figure { margin: 0.5em 0; }
summary { cursor: pointer; margin: 0.5em 0; }
nav ul { columns: 2; }
.demo { border: 2px solid #D55E00; padding: 0.5em 1em; font-weight: bold; }
.missing { color: #666; }
.files { color: #444; font-size: 14px; }
code { font-size: 13px; background: #f3f3f3; }
"""


@dataclass(frozen=True)
class PageRequest:
    """The content of a run's page.

    Attributes:
        config: Sections of the configuration: `run`, `seed`, `datasets`, `models`.
        folder: The folder of the page, whose folders `figures` and `tables` have the files of the entries.
        entries: The figures and tables of the run.
        code: `commit`, `clean` and `package`, as in the manifest.
        datasets: Contents of the cards `dataset.json`.
        checkpoints: Contents of the cards `checkpoint.json`.
        plan: The matrix of experiments, data, models and prompts.
        claims: Inputs of the table of claims; None if the run decides none.
    """

    config: Mapping[str, Any]
    folder: Path
    entries: Sequence[Entry]
    code: Mapping[str, Any]
    datasets: Sequence[Mapping[str, Any]]
    checkpoints: Sequence[Mapping[str, Any]]
    plan: grid.PaperTable
    claims: TableRequest | None = None
    n_images: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_images", {card["dataset"]: card["n_images"] for card in self.datasets})


def render_page(request: PageRequest) -> str:
    """Return the page as an HTML document; the same inputs give the same bytes."""
    entries = page_entries.sort_entries(request.entries)
    models = request.config["models"]
    title = f"The SAM2-to-SAM3 gap, measured: run {request.config['run']}"
    summary, claims = "", ""
    if request.claims is not None:
        counts, sections = page_run.render_claims(request.claims)
        summary = f'<h2 id="verdicts">Verdicts on the claims of the paper</h2>\n<div class="entry">{counts}</div>'
        claims = f'<h2 id="claims">The claims by section</h2>\n<div class="entry">{sections}</div>'
    parts = [
        f"<h1>{markup.escape(title)}</h1>",
        page_run.render_demo_mark(models, [card["model"] for card in request.checkpoints]),
        f"<p>Seed {request.config['seed']}; {markup.escape(page_run.describe_code(request.code))}. "
        f"The SHA-256 of all data, weights, tables and files: {link(MANIFEST, 'manifest.json')}.</p>",
        _render_contents(entries, has_claims=request.claims is not None),
        '<h2 id="inputs">Data and models</h2>',
        f'<div class="entry">{page_run.render_inputs(request.config, request.datasets, request.checkpoints)}</div>',
        summary,
        claims,
        '<h2 id="paper">Figures and tables</h2>',
        *(_render_entry(entry, request) for entry in entries),
        _render_missing(entries),
        '<h2 id="plan">What was predicted</h2>',
        f'<div class="entry">{embed_table(grid.render_html(request.plan), "tables")}</div>',
    ]
    # The rules of the page come last, as they replace those of tables alone.
    return grid.render_html_document(title, grid.TABLE_STYLE + STYLE.lstrip(), "\n".join(filter(None, parts)))


def _render_contents(entries: Sequence[Entry], has_claims: bool) -> str:
    sections = [("inputs", "Data and models")]
    sections += [("verdicts", "Verdicts on the claims"), ("claims", "The claims by section")] if has_claims else []
    sections += [(entry.anchor, entry.heading) for entry in entries]
    sections += [("plan", "What was predicted")]
    items = "".join(f'<li><a href="#{anchor}">{markup.escape(text)}</a></li>' for anchor, text in sections)
    return f"<nav><ul>{items}</ul></nav>"


def _render_entry(entry: Entry, request: PageRequest) -> str:
    """Return a figure or a table with its caption, files and sources."""
    formats = FIGURE_FORMATS if entry.section == "figures" else TABLE_FORMATS
    files = [("csv", "CSV of the rows"), *formats.items()]
    links = ", ".join(link(f"{entry.section}/{entry.id}.{file_format}", name) for file_format, name in files)
    rows = page_entries.describe_rows(entry, request.config["models"], request.n_images)
    return "\n".join(
        [
            f'<section id="{entry.anchor}" class="entry">',
            f"<h3>{markup.escape(entry.heading)}</h3>",
            _render_content(entry, request),
            page_entries.render_caption(entry.caption),
            f'<p class="files">{markup.escape(rows)} Files: {links}; SHA-256 in {link(MANIFEST, "manifest.json")}.</p>',
            page_entries.render_sources(entry, request.folder),
            "</section>",
        ]
    )


def _render_content(entry: Entry, request: PageRequest) -> str:
    if entry.section == "figures":
        sentence = " ".join(entry.caption.split()).partition(". ")[0].rstrip(".")
        alternative = markup.escape(f"{entry.heading}. {sentence}.")
        return f'<figure><img alt="{alternative}" src="{page_entries.encode_image(entry.get_file("png"))}"></figure>'
    if entry.id == "claims" and request.claims is not None:
        return '<p>The claims are shown <a href="#claims">above, by section</a>.</p>'
    return embed_table(entry.get_file("html").read_text(encoding="utf-8"), "tables")


def _render_missing(entries: Sequence[Entry]) -> str:
    missing = page_entries.list_missing_numbers(entries)
    if not missing:
        return ""
    text = f"No data: the configuration of this run has no entry for {', '.join(missing)}."
    return f'<p class="missing">{markup.escape(text)}</p>'
