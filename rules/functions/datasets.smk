# Input functions and code hashes of datasets.smk.


def dataset_input(wildcards):
    """Return the archives of a data set by role, or its local files, and its list files of images and instances."""
    entry = config["datasets"][wildcards.dataset]
    inputs = {role: f"resources/archives/{archive}" for role, archive in entry.get("archives", {}).items()}
    if "path" in entry and not inputs:
        inputs["data"] = entry["path"]
    return inputs | {key: entry[key] for key in ("files", "ignore") if key in entry}


def dataset_code(wildcards):
    return hash_script("scripts/datasets/dataset.py", plugin_modules.get_dataset_module(config, wildcards.dataset))
