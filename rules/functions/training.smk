# Input functions, parameters, GPUs and code hashes of training.smk.
from samgap.config.training_starts import find_start


def training_image_shares(wildcards):
    """Return data set -> its share of the images in each batch of a training."""
    entry = config["trainings"][wildcards.training]
    mixed = {source["dataset"]: source["share"] for source in entry.get("mix", [])}
    return {entry["dataset"]: 1 - sum(mixed.values()), **mixed}


def training_exhaustive(wildcards):
    """Return data set -> whether its labels are exhaustive; otherwise no phrase is trained as absent from its images."""
    return {dataset: config["datasets"][dataset]["exhaustive"] for dataset in training_image_shares(wildcards)}


def training_input(wildcards):
    """Return the images and ground truth for training and validation, and the initial weights with their card."""
    entry = config["trainings"][wildcards.training]
    files = {
        "images": "images",
        "truth": "instances.json",
        "image_table": "images.parquet",
        "dataset": "dataset.json",  # it has the checksums of the images
    }
    inputs = {}
    for key, file in files.items():
        inputs[key] = [f"resources/datasets/{dataset}/{file}" for dataset in training_image_shares(wildcards)]
        inputs[f"val_{key}"] = f"resources/datasets/{entry['validation']}/{file}"
    if start := find_start(config, wildcards.training):
        section, id = start
        folder = f"results/{wildcards.run}/training/{id}" if section == "trainings" else f"resources/checkpoints/{id}"
        inputs |= {"start": f"{folder}/weights.pt", "start_card": f"{folder}/checkpoint.json"}
    return inputs


def training_options(wildcards):
    """Return the entry of a training without the keys that change none of its numbers, and so rerun nothing."""
    entry = config["trainings"][wildcards.training]
    return {key: value for key, value in entry.items() if key not in ("workers", "save-minutes")}


def training_threads(wildcards):
    """Return for each GPU one thread for the training and one for each process that samples its batches."""
    entry = config["trainings"][wildcards.training]
    return entry.get("gpus", 1) * (1 + entry["workers"])


def training_model_params(wildcards):
    return model_options(config["trainings"][wildcards.training]["model"])


def training_phrases(wildcards):
    """Return the training phrases of a model; None for a model without text prompts."""
    prompts = config["trainings"][wildcards.training].get("prompts")
    return config["prompts"][prompts]["phrases"] if prompts else None


def training_files(wildcards):
    """Return the local files that a training's options and its model's options name."""
    return named_files("trainings", wildcards.training)


def training_states(wildcards):
    """Return the states of the local files and folders that a training's options and its model's options name."""
    return named_states("trainings", wildcards.training)


def training_gpus(wildcards):
    entry = config["trainings"][wildcards.training]
    return entry.get("gpus", 1) * count_gpus(config, "training", entry["family"])


def training_code(wildcards):
    return hash_script("scripts/training/train.py", plugin_modules.get_training_module(config, wildcards.training))


def training_versions(wildcards):
    imported = plugin_modules.get_training_module(config, wildcards.training)
    return list_script_versions("scripts/training/train.py", imported)
