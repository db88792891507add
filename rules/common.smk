# Shared by the rules of several stages: the checked configuration, wildcards, memory, run time and GPUs.
import functools
import os
import sys
from pathlib import Path

from samgap.config import places, selection
from samgap.config.cells import list_cells, list_referenced_ids
from samgap.config.components import list_components
from samgap.config.plugin_options import list_path_options
from samgap.config.validate import validate_config
from samgap.config.yaml_files import validate_config_files
from samgap.download.entries import remove_dead_links
from samgap.errors import UserError
from samgap.io import redaction, variables
from samgap.jobs import clock_skew, local_inputs, plugin_modules, report_files, start, surroundings
from samgap.jobs.code_hash import hash_script
from samgap.jobs.package_versions import list_script_versions, summarize_changed_versions
from samgap.jobs.resources import count_gpus, needs_gpu
from samgap.jobs.slurm import install, records

redaction.install_log_redaction()
try:
    surroundings.validate_paths(ROOT, sys.executable)
    validate_config_files(workflow.configfiles)
    config, selections = selection.read_selections(config, workflow.configfiles, ROOT)
    config = selection.restrict(validate_config(config, ROOT), selections)
    if workflow.is_main_process:
        remove_dead_links(Path("resources"))
except UserError as error:
    sys.exit(f"error: {redaction.redact(places.add_place(str(error), workflow.configfiles))}")
variables.register_variables(config)
# Jobs inherit the environment: file names are UTF-8 in any locale, and caches are in a folder that can be written.
os.environ |= {"PYTHONUTF8": "1"} | surroundings.make_cache_variables(os.environ, start.CACHE_FOLDER)


def wildcard_pattern(section):
    """Return a regular expression that matches the ids of a section."""
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
    """Return the archives, data sets and checkpoints of the run, by type: all folders and files with recorded checksums."""
    downloads = selection.list_downloads(config)
    return {
        "archive": expand("resources/archives/{archive}", archive=downloads["archives"]),
        "dataset": expand("resources/datasets/{dataset}", dataset=downloads["datasets"]),
        "checkpoint": expand("resources/checkpoints/{model}", model=downloads["models"]),
    }


def list_copied_sources():
    """Return the sources of the archives and weights that the planned jobs fetch, by their key in the configuration."""
    sources = {}
    for job in workflow.dag.needrun_jobs():
        if job.rule.name == "fetch_archive":
            sources[f"archives.{job.wildcards.archive}"] = config["archives"][job.wildcards.archive]
        elif job.rule.name == "checkpoint":
            sources[f"models.{job.wildcards.model}.weights"] = config["models"][job.wildcards.model].get("weights")
    return sources


def list_changed_params():
    """Return the rule of each planned job, and the texts of its parameters that only its last and only this run have."""
    reasons = [(job.rule.name, workflow.dag.reason(job).params_changed) for job in workflow.dag.needrun_jobs()]
    return [(rule, change.only_old, change.only_new) for rule, change in reasons if change]


def shard_names(dataset):
    """Return the names of the shards of a data set: 000, 001 and so on."""
    return [f"{number:03d}" for number in range(config["datasets"][dataset]["shards"])]


def shard_count(wildcards):
    return config["datasets"][wildcards.dataset]["shards"]


def model_options(model):
    """Return the part of a model's entry that its predictions depend on: without its label and its weights (an input)."""
    entry = config["models"][model]
    options = {key: value for key, value in entry.items() if key not in ("label", "demo", "weights", "score-threshold")}
    parts = {role: model_options(part) for role, part in list_components(entry).items()}
    return options | ({"parts": parts} if parts else {})


def named_entries(section, id):
    """Return (options, keys of paths) of an entry and of the models that it names, for the jobs that read them."""
    options = model_options(id) if section == "models" else config[section][id]
    entries = [(options, list_path_options(ROOT, section, id, options))]
    models = list_components(options).values() if section == "models" else []
    if section == "trainings":
        models = [options["model"]]
    return entries + [entry for model in models for entry in named_entries("models", model)]


# Kept, because all shards of a cell ask for the same entry.
@functools.cache
def named_files(section, id):
    """Return the local files that an entry names, which are inputs of the jobs that read it."""
    entries = named_entries(section, id)
    return list(dict.fromkeys(file for entry in entries for file in local_inputs.list_named_files(*entry)))


@functools.cache
def named_states(section, id):
    """Return the state of each local file and folder that an entry names, by its path."""
    states = {}
    for entry in named_entries(section, id):
        states |= local_inputs.describe_named_files(*entry)
    return states


# Memory and run time grow with each attempt, for jobs that were killed because they exceeded either.
def gpu_job_memory_mb(wildcards, attempt):
    return 12000 * attempt


def cpu_job_memory_mb(wildcards, attempt):
    return 2000 * attempt


def runtime_minutes(wildcards, attempt):
    return 120 * attempt
