# Shared by the rules of several stages: the checked configuration, wildcards, memory, run time and GPUs.
import sys
from pathlib import Path

from samgap.config import capabilities, selection
from samgap.config.cells import list_cells, referenced_ids
from samgap.config.validate import validate_config
from samgap.errors import UserError
from samgap.io import redaction
from samgap.jobs import plugin_modules
from samgap.jobs.code_hash import script_hash
from samgap.jobs.resources import n_gpus

redaction.install_log_redaction()
try:
    config, selected_models = selection.select_models(config, workflow.configfiles, Path(workflow.basedir))
    config = selection.restrict_to_models(validate_config(config, Path(workflow.basedir)), selected_models)
except UserError as error:
    sys.exit(f"error: {error}")


def wildcard_pattern(section):
    return "|".join(sorted(config[section])) or "none"


wildcard_constraints:
    run=config["run"],
    archive=wildcard_pattern("archives"),
    dataset=wildcard_pattern("datasets"),
    model=wildcard_pattern("models"),
    prompts=wildcard_pattern("prompts"),
    figure=wildcard_pattern("figures"),
    table=wildcard_pattern("tables"),
    training=wildcard_pattern("trainings"),
    shard=r"\d{3}",


def downloaded_folders():
    """The archives, data sets and checkpoints of the run, by type: all that has recorded checksums."""
    downloads = selection.list_downloads(config)
    return {
        "archive": expand("resources/archives/{archive}", archive=downloads["archives"]),
        "dataset": expand("resources/datasets/{dataset}", dataset=downloads["datasets"]),
        "checkpoint": expand("resources/checkpoints/{model}", model=downloads["models"]),
    }


def shard_names(dataset):
    return [f"{number:03d}" for number in range(config["datasets"][dataset]["shards"])]


def model_options(model):
    """The part of a model's entry that its predictions depend on: not its label, nor its weights (an input)."""
    entry = config["models"][model]
    options = {key: value for key, value in entry.items() if key not in ("label", "demo", "weights")}
    parts = {role: model_options(part) for role, part in capabilities.components(entry).items()}
    return options | ({"parts": parts} if parts else {})


# Memory and run time grow with each attempt, for jobs that were killed because they exceeded either.
def gpu_job_memory_mb(wildcards, attempt):
    return 12000 * attempt


def cpu_job_memory_mb(wildcards, attempt):
    return 2000 * attempt


def runtime_minutes(wildcards, attempt):
    return 120 * attempt
