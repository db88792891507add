# What several rules share: the checked configuration, wildcards, and the functions that list inputs.
import sys
from pathlib import Path

from samgap import config as configuration
from samgap.code import code_hash
from samgap.errors import UserError
from samgap.paper.captions import caption

try:
    config = configuration.checked(config, Path(workflow.basedir))
except UserError as error:
    sys.exit(f"error: {error}")


def ids(section):
    return "|".join(sorted(config[section])) or "none"


wildcard_constraints:
    run=config["run"],
    archive=ids("archives"),
    dataset=ids("datasets"),
    model=ids("models"),
    prompts=ids("prompts"),
    figure=ids("figures"),
    table=ids("tables"),
    training=ids("trainings"),
    shard=r"\d{3}",


def used(key):
    """The ids of `datasets`, `models` or `prompts` that some experiment names."""
    return configuration.used(config, key)


def shards(dataset):
    return [f"{number:03d}" for number in range(config["datasets"][dataset]["shards"])]


def paper_files():
    """Every figure and table of the run."""
    folder = f"results/{config['run']}/paper"
    return [
        *expand(f"{folder}/figures/{{figure}}.{{form}}", figure=config["figures"], form=["pdf", "svg", "png", "csv"]),
        *expand(f"{folder}/tables/{{table}}.{{form}}", table=config["tables"], form=["csv", "md", "tex", "html"]),
    ]


def archives_of(wildcards):
    """The archives that a data set is made from, by their role."""
    wanted = config["datasets"][wildcards.dataset].get("archives", {})
    return {role: f"resources/archives/{archive}" for role, archive in wanted.items()}


def training_of(wildcards):
    """The weights of a finished training, where a model's weights are one."""
    training = config["models"][wildcards.model].get("weights", {}).get("training")
    folder = f"results/{config['run']}/training/{training}"
    return {"trained": f"{folder}/weights.pt", "trained_card": f"{folder}/checkpoint.json"} if training else {}


def training_data(wildcards):
    """The images and the truth that a training learns from and is watched on, and the weights it starts from."""
    entry = config["trainings"][wildcards.training]
    found = {}
    for prefix, key in {"": "dataset", "val_": "validation"}.items():
        folder = f"resources/datasets/{entry[key]}"
        found[f"{prefix}images"] = f"{folder}/images"
        found[f"{prefix}truth"] = f"{folder}/instances.json"
        found[f"{prefix}image_table"] = f"{folder}/images.parquet"
    if "start" in entry:
        found["start"] = f"results/{wildcards.run}/training/{entry['start']}/weights.pt"
    return found


def model_options(model):
    """What of a model's entry shapes its answers: not its name in figures, nor where its weights are (an input)."""
    return {key: value for key, value in config["models"][model].items() if key not in ("label", "demo", "weights")}


def model_asked(wildcards):
    return model_options(wildcards.model)


def training_model(wildcards):
    return model_options(config["trainings"][wildcards.training]["model"])


def training_phrases(wildcards):
    """The phrases that a model is trained on, if it takes any."""
    prompts = config["trainings"][wildcards.training].get("prompts")
    return config["prompts"][prompts]["phrases"] if prompts else None


def pairs_of_run(wildcards):
    """The sufficient statistics of every experiment's cell."""
    return [
        f"results/{wildcards.run}/metrics/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/pairs.parquet"
        for dataset, model, prompts in configuration.cells(config)
        for shard in shards(dataset)
    ]


def dataset_code(wildcards):
    kind = configuration.module(config["datasets"][wildcards.dataset]["kind"])
    return code_hash(f"samgap.datasets.{kind}", "samgap.datasets._write")


def prompts_code(wildcards):
    kind = configuration.module(config["prompts"][wildcards.prompts]["kind"])
    return code_hash(f"samgap.prompts.{kind}", "samgap.prompts._write")


def predictions_code(wildcards):
    family = configuration.module(config["models"][wildcards.model]["family"])
    return code_hash(f"samgap.models.{family}", "samgap.predictions")


def training_code(wildcards):
    family = configuration.module(config["trainings"][wildcards.training]["family"])
    return code_hash(f"samgap.training.{family}", "samgap.training._run", f"samgap.models.{family}")


def figure_masks(wildcards):
    """What the side-by-side figure draws besides estimates: the masks, prompts and truth it names."""
    entry = config["figures"][wildcards.figure]
    if "dataset" not in entry:
        return {}
    dataset, run = entry["dataset"], wildcards.run
    found = {
        "images": f"resources/datasets/{dataset}/images",
        "image_table": f"resources/datasets/{dataset}/images.parquet",
    }
    for side in ("spatial", "concept"):
        model, prompts = entry[side]["model"], entry[side]["prompts"]
        cell = f"dataset={dataset}/model={model}/prompts={prompts}"
        found[f"{side}_prompts"] = f"results/{run}/prompts/dataset={dataset}/prompts={prompts}/prompts.parquet"
        found[f"{side}_masks"] = [f"results/{run}/predictions/{cell}/shard={s}/masks.parquet" for s in shards(dataset)]
    return found


def figure_caption(wildcards):
    return caption(Path(workflow.basedir) / f"scripts/paper/figures/{wildcards.figure}.py")


def table_caption(wildcards):
    return caption(Path(workflow.basedir) / f"scripts/paper/tables/{wildcards.table}.py")


# Memory and time grow with each attempt, so that a job killed for either is asked for again with more.
def gpu_memory(wildcards, attempt):
    return 12000 * attempt


def cpu_memory(wildcards, attempt):
    return 2000 * attempt


def hours(wildcards, attempt):
    return 120 * attempt


def gpus(wildcards):
    """One GPU for a model that runs on one; none for the shapes that are no network, or where the CPU is asked for."""
    if config["device"] == "cpu" or config["models"][wildcards.model]["family"] == "shape":
        return 0
    return 1


def training_gpus(wildcards):
    return 0 if config["device"] == "cpu" else 1
