"""Rule `prompts`: ground truth and a prompt set's options in, one row for each thing asked out."""

import importlib

from samgap.config import module
from samgap.job import job, provenance
from samgap.prompts._seed import Seed
from samgap.prompts._write import write
from samgap.truth import read

with job(snakemake) as log:
    options = snakemake.params.options
    kind = importlib.import_module(f"samgap.prompts.{module(options['kind'])}")
    truth = read(snakemake.input.truth)
    seed = Seed(snakemake.params.seed, snakemake.wildcards.dataset)
    rows = kind.prompts(truth, options, seed)
    count = write(snakemake.output.table, rows, truth, provenance(snakemake, options=options))
    log.info("%d prompts for %d images", count, len(truth.images))
