"""Write the page of a run: its claims, figures and tables in the paper's order."""

from pathlib import Path

from samgap.io.files import read_json
from samgap.jobs import manifest
from samgap.jobs.code_hash import PACKAGE_DIR
from samgap.jobs.script import job_context
from samgap.paper.csv import write_text
from samgap.paper.page import PageRequest, render_page
from samgap.paper.page_entries import Entry
from samgap.paper.plan import build_plan
from samgap.paper.tables import TableRequest
from samgap.tables import parquet

with job_context(snakemake):
    inputs, config = snakemake.input, snakemake.params.config
    folder = Path(snakemake.output.page).parent
    datasets = [read_json(path) for path in inputs.datasets]
    entries = [
        Entry(
            section=section,
            id=id,
            number=entry["number"],
            title=entry["title"],
            caption=snakemake.params.captions[section][id],
            folder=folder / section,
            dataset=entry.get("dataset", ""),
            sources=manifest.list_csv_sources(folder / section / f"{id}.csv", inputs.estimates),
        )
        for section in ("figures", "tables")
        for id, entry in config[section].items()
    ]
    prompt_tables = zip(snakemake.params.prompt_sets, inputs.prompts, strict=True)
    request = PageRequest(
        config=config,
        folder=folder,
        entries=entries,
        code={**manifest.read_git_state(PACKAGE_DIR), "package": manifest.hash_package()},
        datasets=datasets,
        checkpoints=[read_json(path) for path in inputs.checkpoints],
        plan=build_plan(
            config,
            {card["dataset"]: card["n_images"] for card in datasets},
            {tuple(names): parquet.count_rows(path) for names, path in prompt_tables},
        ),
        claims=TableRequest(
            table_id="claims",
            inputs=dict(inputs.items()),
            entry={},
            models=config["models"],
            experiments=config["experiments"],
            comparisons={},
            confidence=config["statistics"]["confidence"],
        )
        if "claims" in dict(inputs.items())
        else None,
    )
    write_text(snakemake.output.page, render_page(request))
