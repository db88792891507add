# samgap: every number of "The SAM2-to-SAM3 Gap in the Segment Anything Model Family", measured.
# Data flows down the stages; each has one file in rules/, scripts/, src/samgap/ and results/.
import os
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")

# Scripts import the package from the checkout, on every node and in every conda environment.
sys.path.insert(0, str(Path(workflow.basedir) / "src"))
os.environ |= {"PYTHONPATH": os.pathsep.join([sys.path[0], os.getenv("PYTHONPATH", "")]).rstrip(os.pathsep)}


# The paper's run, unless another configuration is named (`--configfile config/demo.yaml`): the two never mix.
if not workflow.configfiles:

    configfile: "config/config.yaml"


include: "rules/common.smk"
include: "rules/datasets.smk"
include: "rules/checkpoints.smk"
include: "rules/training.smk"
include: "rules/prompts.smk"
include: "rules/predictions.smk"
include: "rules/matching.smk"
include: "rules/statistics.smk"
include: "rules/paper.smk"


# On one machine GPU jobs take turns (`--resources gpu=2` lets two run): a cluster gives each its own device. Which
# executor will run is not known yet; but `--jobs` (nodes) is given for a cluster alone, here it counts as cores.
on_a_cluster = workflow.resource_settings.nodes is not None
if workflow.is_main_process and not on_a_cluster and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", 1)


report: "report/workflow.rst"


localrules:
    all,
    fetch,
    verify,
    pretrain_demo,


rule all:
    default_target: True
    input:
        paper=paper_files(),
        manifest=expand("results/{run}/manifest.json", run=config["run"]),


rule fetch:
    """Data and weights alone: for a login node with a network."""
    input:
        datasets=expand("{folder}/dataset.json", folder=files_with_checksums()["dataset"]),
        checkpoints=expand("{folder}/checkpoint.json", folder=files_with_checksums()["checkpoint"]),


rule pretrain_demo:
    """Train the models of `trainings` from scratch."""
    input:
        checkpoints=expand(
            "results/{run}/training/{training}/checkpoint.json",
            run=config["run"],
            training=config["trainings"],
        ),
