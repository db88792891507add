"""The head of a run's page: what was run, on which data, with which models, and the verdicts on the claims."""

import html as markup
from collections.abc import Mapping, Sequence
from typing import Any

from samgap.config.components import is_demo_model
from samgap.paper import grid
from samgap.paper.page_entries import embed_table
from samgap.paper.tables import TableRequest, claims

DEMO_TEXT = (
    "Demo: the models {models} are small models trained in this repository, not the published checkpoints. Their "
    "numbers show that the workflow runs, and say nothing about SAM2 or SAM3."
)
SUMMARY_HEADING = "Verdicts by"
"""The first words of the headings of the counts of verdicts in the table of claims."""
SHORT_HASH = 12


def describe_code(code: Mapping[str, Any]) -> str:
    """Return the commit and the hash of the package as a sentence.

    Args:
        code: `commit` and `clean` of the git checkout, which may be None, and `package`, the hash of the modules.
    """
    state = {True: "", False: ", with changes that are not committed", None: ""}[code["clean"]]
    commit = f"commit {code['commit']}{state}" if code["commit"] else "not a git checkout"
    return f"{commit}; hash of the package {code['package'][:SHORT_HASH]}"


def render_demo_mark(models: Mapping[str, Mapping[str, Any]], ids: Sequence[str]) -> str:
    """Return the mark of a run with demo models as HTML; empty without any of them among `ids`."""
    labels = [str(models[id].get("label", id)) for id in ids if is_demo_model(models, id)]
    if not labels:
        return ""
    return f'<p class="demo">{markup.escape(DEMO_TEXT.format(models=", ".join(labels)))}</p>'


def render_inputs(
    config: Mapping[str, Any], datasets: Sequence[Mapping[str, Any]], checkpoints: Sequence[Mapping[str, Any]]
) -> str:
    """Return the tables of data sets and models of a run as HTML.

    Args:
        config: The sections `datasets` and `models`.
        datasets: Contents of the files `dataset.json`.
        checkpoints: Contents of the files `checkpoint.json`.
    """
    data_columns = ["data set", "kind", "images", "instances", "groups", "labels", "SHA-256 of the images"]
    model_columns = ["model", "id", "family", "weights", "status", "SHA-256 of the weights"]
    blocks = [
        grid.Block("Data", data_columns, 2, [_describe_dataset(config, card) for card in datasets]),
        grid.Block("Models", model_columns, 6, [_describe_model(config, card) for card in checkpoints]),
    ]
    return _render_blocks(blocks)


def render_claims(request: TableRequest) -> tuple[str, str]:
    """Return the counts of verdicts, and the claims by section, as HTML; a reader opens a section to read it.

    Args:
        request: Inputs of the table `claims`.
    """
    output = claims.build_table(request)
    is_summary = [block.heading.startswith(SUMMARY_HEADING) for block in output.blocks]
    summary = [block for block, counts in zip(output.blocks, is_summary, strict=True) if counts]
    sections = [block for block, counts in zip(output.blocks, is_summary, strict=True) if not counts]
    counts = f"<p>{markup.escape(output.remarks[0])}</p>"
    details = grid.PaperTable("claims", "", sections, output.footnotes, output.remarks[1:])
    # All sections are collapsed: together they are longer than the rest of the page.
    return counts + _render_blocks(summary), embed_table(grid.render_html(details), "tables", max_open_rows=0)


def _render_blocks(blocks: Sequence[grid.Block]) -> str:
    return embed_table(grid.render_html(grid.PaperTable("page", "", blocks)), "tables")


def _describe_dataset(config: Mapping[str, Any], card: Mapping[str, Any]) -> list[grid.Cell]:
    name = card["dataset"]
    exhaustive = config["datasets"][name].get("exhaustive", True)
    left_out = sum(card.get("left_out", {}).values())
    labels = "exhaustive" if exhaustive else "not exhaustive"
    labels += f"; {left_out:,} annotations could not be used" if left_out else ""
    numbers = [f"{card[key]:,}" for key in ("n_images", "n_instances", "n_groups")]
    return [grid.Cell(text) for text in (name, card["kind"], *numbers, labels, card["images_sha256"][:SHORT_HASH])]


def _describe_model(config: Mapping[str, Any], card: Mapping[str, Any]) -> list[grid.Cell]:
    entry = config["models"][card["model"]]
    label = f"{entry.get('label', card['model'])}"
    source = "none needed" if card["source"] == "none" else str(card["source"])
    status = card["status"] if not card["why"] else f"{card['status']}: {card['why']}"
    checksum = (card["sha256"] or "–")[:SHORT_HASH]
    return [grid.Cell(text) for text in (label, card["model"], entry["family"], source, status, checksum)]
