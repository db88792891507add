# What several rules share: the checked configuration, wildcards, and the functions that list inputs.
import sys
from pathlib import Path

from samgap.config import load as configuration
from samgap.config import capabilities, plugins, selection
from samgap.io import redaction
from samgap.jobs.code_hash import code_hash
from samgap.errors import UserError
from samgap.config.comparisons import expand_comparisons
from samgap.paper.captions import read_caption

redaction.install_log_redaction()
try:
    config, models_chosen = selection.select_models(config, workflow.configfiles)
    config = selection.restrict_to_models(configuration.validate_config(config, Path(workflow.basedir)), models_chosen)
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


def referenced_ids(key):
    """The ids of `datasets`, `models` or `prompts` that some experiment names."""
    return configuration.referenced_ids(config, key)


def files_with_checksums():
    """What of the run has a sha256 beside it, by its kind."""
    wanted = selection.list_downloads(config)
    return {
        "archive": expand("resources/archives/{archive}", archive=wanted["archives"]),
        "dataset": expand("resources/datasets/{dataset}", dataset=wanted["datasets"]),
        "checkpoint": expand("resources/checkpoints/{model}", model=wanted["models"]),
    }


def shard_names(dataset):
    return [f"{number:03d}" for number in range(config["datasets"][dataset]["shards"])]


def paper_files():
    """Every figure and table of the run."""
    folder = f"results/{config['run']}/paper"
    return [
        *expand(f"{folder}/figures/{{figure}}.{{form}}", figure=config["figures"], form=["pdf", "svg", "png", "csv"]),
        *expand(f"{folder}/tables/{{table}}.{{form}}", table=config["tables"], form=["csv", "md", "tex", "html"]),
    ]


def dataset_input(wildcards):
    """The archives that a data set is made from, by their role, or what is on this machine; and the lists it names."""
    entry = config["datasets"][wildcards.dataset]
    found = {role: f"resources/archives/{archive}" for role, archive in entry.get("archives", {}).items()}
    if "path" in entry and not found:
        found["data"] = entry["path"]
    return found | {key: entry[key] for key in ("files", "ignore") if key in entry}


def trained_weights_input(wildcards):
    """The weights of a finished training, where a model's weights are one."""
    training = config["models"][wildcards.model].get("weights", {}).get("training")
    folder = f"results/{config['run']}/training/{training}"
    return {"trained": f"{folder}/weights.pt", "trained_card": f"{folder}/checkpoint.json"} if training else {}


def training_image_shares(wildcards):
    """Each data set that a training learns from, and what share of a step's images are its."""
    entry = config["trainings"][wildcards.training]
    mixed = {each["dataset"]: each["share"] for each in entry.get("mix", [])}
    return {entry["dataset"]: 1 - sum(mixed.values()), **mixed}


def training_input(wildcards):
    """The images and the truth that a training learns from and is watched on, and the weights it starts from."""
    entry = config["trainings"][wildcards.training]
    files = {"images": "images", "truth": "instances.json", "image_table": "images.parquet"}
    found = {}
    for key, file in files.items():
        found[key] = [f"resources/datasets/{dataset}/{file}" for dataset in training_image_shares(wildcards)]
        found[f"val_{key}"] = f"resources/datasets/{entry['validation']}/{file}"
    if "start" in entry:
        found["start"] = f"results/{wildcards.run}/training/{entry['start']}/weights.pt"
    return found


def model_options(model):
    """What of a model's entry shapes its answers: not its name in figures, nor where its weights are (an input)."""
    entry = config["models"][model]
    options = {key: value for key, value in entry.items() if key not in ("label", "demo", "weights")}
    parts = {role: model_options(part) for role, part in capabilities.components(entry).items()}
    return options | ({"parts": parts} if parts else {})


def model_params(wildcards):
    return model_options(wildcards.model)


def training_model_params(wildcards):
    return model_options(config["trainings"][wildcards.training]["model"])


def training_phrases(wildcards):
    """The phrases that a model is trained on, if it takes any."""
    prompts = config["trainings"][wildcards.training].get("prompts")
    return config["prompts"][prompts]["phrases"] if prompts else None


def run_pairs_input(wildcards):
    """The sufficient statistics of every experiment's cell."""
    return [
        f"results/{wildcards.run}/matching/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/pairs.parquet"
        for dataset, model, prompts in configuration.list_cells(config)
        for shard in shard_names(dataset)
    ]


def run_instances_input(wildcards):
    """The instances that they sum up, for what is told of some of them."""
    return [str(Path(path).with_name("instances.parquet")) for path in run_pairs_input(wildcards)]


def compared_pairs_input(wildcards):
    """The sufficient statistics of the cells that `comparisons` names."""
    found = [
        f"results/{wildcards.run}/matching/dataset={each['dataset']}/model={model}/prompts={prompts}/shard={shard}/pairs.parquet"
        for each in expand_comparisons(config)
        for model, prompts in ((each["model"], each["prompts"]), (each["baseline_model"], each["baseline_prompts"]))
        for shard in shard_names(each["dataset"])
    ]
    return sorted(set(found))


def component_weights_input(wildcards):
    """The weights and the cards of the models that a model is made of, by their role."""
    parts = capabilities.components(config["models"][wildcards.model])
    weights = {role: f"resources/checkpoints/{part}/weights.pt" for role, part in parts.items()}
    cards = {f"{role}_card": f"resources/checkpoints/{part}/checkpoint.json" for role, part in parts.items()}
    return weights | cards


def click_truth_input(wildcards):
    """The truth, for prompts whose clicks correct an answer by it: no other prediction sees it."""
    if config["prompts"][wildcards.prompts]["kind"] != "clicks":
        return {}
    return {"truth": f"resources/datasets/{wildcards.dataset}/instances.json"}


def flow_input(wildcards):
    """The images' folder, where optical flow lies beside the frames that the data set draws."""
    drawn = "frames" in config["datasets"][wildcards.dataset]
    return {"pictures": f"resources/datasets/{wildcards.dataset}/images"} if drawn else {}


def dataset_code_hash(wildcards):
    kind = plugins.module_name(config["datasets"][wildcards.dataset]["kind"])
    return code_hash(f"samgap.datasets.{kind}", "samgap.datasets.write")


def prompts_code_hash(wildcards):
    kind = plugins.module_name(config["prompts"][wildcards.prompts]["kind"])
    return code_hash(f"samgap.prompts.{kind}", "samgap.prompts.write")


def predictions_code_hash(wildcards):
    entry = config["models"][wildcards.model]
    models = [entry, *(config["models"][part] for part in capabilities.components(entry).values())]
    modules = [f"samgap.models.{plugins.module_name(model['family'])}" for model in models]
    return code_hash(*modules, "samgap.predictions")


def training_code_hash(wildcards):
    entry = config["trainings"][wildcards.training]
    family = plugins.module_name(entry["family"])
    return code_hash(plugins.training_module(entry), "samgap.training.loop", f"samgap.models.{family}")


def figure_input(wildcards):
    """What a figure draws besides estimates: images with the prompts and masks that it names, or with their truth."""
    entry = config["figures"][wildcards.figure]
    if "dataset" not in entry:
        return {}
    dataset, run = entry["dataset"], wildcards.run
    found = {
        "images": f"resources/datasets/{dataset}/images",
        "image_table": f"resources/datasets/{dataset}/images.parquet",
    }
    if "spatial" not in entry:
        table = f"results/{run}/prompts/dataset={dataset}/prompts={{prompts}}/prompts.parquet"
        sets = {"prompts": expand(table, prompts=entry["prompts"])} if "prompts" in entry else {}
        return {**found, "truth": f"resources/datasets/{dataset}/instances.json", **sets}
    for side in ("spatial", "concept"):
        model, prompts = entry[side]["model"], entry[side]["prompts"]
        cell = f"dataset={dataset}/model={model}/prompts={prompts}"
        found[f"{side}_prompts"] = f"results/{run}/prompts/dataset={dataset}/prompts={prompts}/prompts.parquet"
        found[f"{side}_masks"] = [
            f"results/{run}/predictions/{cell}/shard={s}/masks.parquet" for s in shard_names(dataset)
        ]
    return found


def figure_caption(wildcards):
    return read_caption(Path(workflow.basedir) / f"scripts/paper/figures/{wildcards.figure}.py")


def table_caption(wildcards):
    return read_caption(Path(workflow.basedir) / f"scripts/paper/tables/{wildcards.table}.py")


# Memory and time grow with each attempt, so that a job killed for either is asked for again with more.
def gpu_job_memory_mb(wildcards, attempt):
    return 12000 * attempt


def cpu_job_memory_mb(wildcards, attempt):
    return 2000 * attempt


def runtime_minutes(wildcards, attempt):
    return 120 * attempt


def predict_gpus(wildcards):
    """One GPU for a model that runs on one; none for the shapes that are no network, or where the CPU is asked for."""
    if config["device"] == "cpu" or config["models"][wildcards.model]["family"] == "shape":
        return 0
    return 1


def training_gpus(wildcards):
    return 0 if config["device"] == "cpu" else 1
