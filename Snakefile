# samgap: measures the numbers of "The SAM2-to-SAM3 Gap in the Segment Anything Model Family".
# Each stage has one file in rules/ and one folder of its name in scripts/, src/samgap/ and results/.
import os
import sys
from pathlib import Path

from snakemake.cli import parse_args
from snakemake.dag import DAG
from snakemake.logging import logger
from snakemake.persistence import PersistenceBase
from snakemake.utils import min_version
from snakemake_interface_executor_plugins.registry import ExecutorPluginRegistry

min_version("9.0")

# The root of this repository. `workflow.basedir` would be that of a workflow that imports this one as a module.
ROOT = Path(str(workflow.current_basedir)).absolute()
# Scripts import the package from this checkout, on every node and in every conda environment.
sys.path.insert(0, str(ROOT / "src"))
os.environ |= {"PYTHONPATH": os.pathsep.join([sys.path[0], os.getenv("PYTHONPATH", "")]).rstrip(os.pathsep)}


# The default is the paper's run. `--configfile config/demo.yaml` replaces it; the two files are not merged. A workflow that
# imports this one gives it a configuration.
if not workflow.configfiles and workflow.modifier.parent_modifier is None:

    configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/jobs.smk"
include: "rules/datasets.smk"
include: "rules/checkpoints.smk"
include: "rules/training.smk"
include: "rules/prompts.smk"
include: "rules/predictions.smk"
include: "rules/matching.smk"
include: "rules/statistics.smk"
include: "rules/inventory.smk"
include: "rules/claims.smk"
include: "rules/paper.smk"
include: "rules/demo.smk"


# On one machine one GPU job runs at a time (`--resources gpu=2` allows two); on a cluster each job has a separate
# device. The executor is not defined yet at this point, but `--jobs` sets `nodes` only on a cluster: on one machine it
# is a number of cores.
on_a_cluster = workflow.resource_settings.nodes is not None
if workflow.is_main_process and not on_a_cluster and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", 1)

# Outages, refused settings and jobs of a killed run are handled here, because the plugin for SLURM does not.
if workflow.is_main_process:
    install.install_guards(ExecutorPluginRegistry(), logger)
elif "SLURM_JOB_ID" in os.environ:
    records.keep_markers(PersistenceBase, os.environ)
clock_skew.accept_clock_skew(DAG)

if workflow.is_main_process and any(argument.partition("=")[0] == "--report" for argument in sys.argv):
    try:
        report_files.validate_report_files(parse_args(sys.argv[1:])[1].targets, paper_files())
    except UserError as error:
        sys.exit(f"error: {error}")


report: "report/workflow.rst"


onstart:
    try:
        local_inputs.validate_local_sources(list_copied_sources(), ROOT)
    except UserError as error:
        sys.exit(f"error: {redaction.redact(places.add_place(str(error), workflow.configfiles))}")
    for line in summarize_changed_versions(list_changed_params()):
        print(f"another version of a package: {line} run again", file=sys.stderr)


localrules:
    all,
    fetch,
    verify,
    paper_figures,
    plan,
    costs,
    site_check,


rule all:
    default_target: True
    input:
        paper=paper_files(),
        manifest=expand("results/{run}/manifest.json", run=config["run"]),


rule fetch:
    """Download data and weights only, for a login node with a network."""
    input:
        datasets=expand("{folder}/dataset.json", folder=downloaded_folders()["dataset"]),
        checkpoints=expand("{folder}/checkpoint.json", folder=downloaded_folders()["checkpoint"]),
