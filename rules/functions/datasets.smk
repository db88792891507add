# Input functions and code hashes of datasets.smk.


def dataset_input(wildcards):
    """The archives of a data set by their role, or its files on this machine, and the lists of images it names."""
    entry = config["datasets"][wildcards.dataset]
    inputs = {role: f"resources/archives/{archive}" for role, archive in entry.get("archives", {}).items()}
    if "path" in entry and not inputs:
        inputs["data"] = entry["path"]
    return inputs | {key: entry[key] for key in ("files", "ignore") if key in entry}


def dataset_code(wildcards):
    return script_hash("scripts/datasets/dataset.py", plugin_modules.dataset_module(config, wildcards.dataset))
