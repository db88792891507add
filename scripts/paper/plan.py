"""Write results/<run>/paper/plan.md: the counts that are known, and hours estimated from what is finished."""

from pathlib import Path

from samgap.config.cells import list_cells
from samgap.io.files import read_json
from samgap.jobs.script import job_context
from samgap.paper.csv import write_text
from samgap.paper.grid import render_markdown
from samgap.paper.plan import build_plan, count_configured_images
from samgap.paper.rates import count_prompts, measure_rates

with job_context(snakemake):
    config = snakemake.params.config
    results, cells = Path("results") / config["run"], list_cells(config)
    cards = [Path("resources/datasets") / dataset / "dataset.json" for dataset in sorted({cell[0] for cell in cells})]
    known = {path.parent.name: read_json(path)["n_images"] for path in cards if path.is_file()}
    n_images = count_configured_images(config["datasets"]) | known
    plan = build_plan(config, n_images, count_prompts(results, cells), measure_rates(results, cells))
    path = results / "paper" / "plan.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, render_markdown(plan))
    print(path)
