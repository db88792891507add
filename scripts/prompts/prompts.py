"""Rule `prompts`: generate the prompts of one prompt set from a data set's ground truth."""

from samgap.annotations.ground_truth import read_ground_truth
from samgap.config.plugin_import import import_plugin
from samgap.jobs.script import collect_provenance, job_context
from samgap.prompts.seed import Seed
from samgap.prompts.subset import select_subset
from samgap.prompts.write import write_prompts

with job_context(snakemake) as log:
    options = snakemake.params.options
    kind = import_plugin("prompts", options["kind"])
    truth = read_ground_truth(snakemake.input.truth)
    seed = Seed(snakemake.params.seed, snakemake.wildcards.dataset)
    rows, record = select_subset(kind.generate_prompts(truth, options, seed), options.get("subset"), truth, seed)
    provenance = collect_provenance(snakemake, options=options, **record)
    count = write_prompts(snakemake.output.table, rows, truth, provenance)
    log.info("%d prompts for %d images", count, len(truth.images))
