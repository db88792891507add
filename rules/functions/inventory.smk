# Parameters and code hash of inventory.smk.
import contextlib
from importlib import metadata


def inventory_models(wildcards):
    """Return the options of the run's models, by id. A composed model has no modules of its own."""
    models = list_referenced_ids(config, "models")
    return {model: model_options(model) for model in models if not list_components(config["models"][model])}


def package_versions():
    """Return the versions of the packages that the inventory reads, where Snakemake runs; another version reruns it."""
    versions = {}
    for name in ("torch", "sam2", "sam3", "transformers"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def inventory_code(wildcards):
    families = {
        name for model in inventory_models(wildcards) for name in plugin_modules.list_model_modules(config, model)
    }
    return hash_script("scripts/inventory/inventory.py", *plugin_modules.list_probe_modules(), *sorted(families))
