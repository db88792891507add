"""Write results/<run>/paper/costs.md: hours and memory of the finished jobs."""

from pathlib import Path

from samgap.errors import UserError
from samgap.jobs.script import job_context
from samgap.paper.costs import build_costs, read_job_costs
from samgap.paper.csv import write_text
from samgap.paper.grid import render_markdown

with job_context(snakemake):
    folder = Path(snakemake.params.run_folder)
    costs = read_job_costs(folder)
    if not costs:
        raise UserError(f"{folder}/timings: no job of the run is finished; run the workflow first")
    path = folder / "paper" / "costs.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, render_markdown(build_costs(folder.name, costs)))
    print(path)
