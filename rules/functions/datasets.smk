# Input functions, states of local inputs and code hashes of datasets.smk.


def archive_source(wildcards):
    return config["archives"][wildcards.archive]


def archive_state(wildcards):
    """Return the state of the local file that an archive is copied from; None for an archive that is downloaded."""
    return local_inputs.describe_local_source(config["archives"][wildcards.archive], ROOT)


def dataset_input(wildcards):
    """Return the archives of a data set by role, or its local data or source, and other local files that its entry names."""
    entry = config["datasets"][wildcards.dataset]
    inputs = {role: f"resources/archives/{archive}" for role, archive in entry.get("archives", {}).items()}
    if "path" in entry and not inputs:
        # The time of a folder is not that of its files, and a hidden file in it changes nothing: see dataset_state.
        inputs["data"] = ancient(entry["path"])
        # So that Snakemake names an edited file as the reason.
        inputs["labels"] = local_inputs.list_label_files(entry)
    if "source" in entry:
        folder = f"resources/datasets/{entry['source']}"
        inputs["source_images"] = f"{folder}/images"
        inputs["source_instances"] = f"{folder}/instances.json"
        inputs["source_card"] = f"{folder}/dataset.json"
    named = named_files("datasets", wildcards.dataset)
    return inputs | {"named": [path for path in named if path != entry.get("path")]}


def dataset_options(wildcards):
    """Return the part of a data set's entry that it is made from; the rules of later stages read the other keys."""
    entry = config["datasets"][wildcards.dataset]
    return {key: value for key, value in entry.items() if key not in ("shards", "exhaustive", "labelled-distance")}


def dataset_state(wildcards):
    """Return the states of the local files and folders that a data set is made from."""
    return named_states("datasets", wildcards.dataset)


def dataset_code(wildcards):
    return hash_script("scripts/datasets/dataset.py", plugin_modules.get_dataset_module(config, wildcards.dataset))


def dataset_versions(wildcards):
    imported = plugin_modules.get_dataset_module(config, wildcards.dataset)
    return list_script_versions("scripts/datasets/dataset.py", imported)
