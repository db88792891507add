# Parameters and code hash of inventory.smk.
from samgap.io.packages import MODEL_PACKAGES, list_package_versions


def inventory_models(wildcards):
    """Return the options of the run's models, by id. A composed model has no modules of its own."""
    models = list_referenced_ids(config, "models")
    return {model: model_options(model) for model in models if not list_components(config["models"][model])}


def inventory_files(wildcards):
    """Return the local files that the options of the run's models name."""
    return sorted({file for model in inventory_models(wildcards) for file in named_files("models", model)})


def inventory_states(wildcards):
    """Return the states of the local files and folders that the options of the run's models name."""
    states = {}
    for model in inventory_models(wildcards):
        states |= named_states("models", model)
    return states


def inventory_modules(wildcards):
    """Return the modules of the probes and of the families of the run's models."""
    families = {
        name for model in inventory_models(wildcards) for name in plugin_modules.list_model_modules(config, model)
    }
    return [*plugin_modules.list_probe_modules(), *sorted(families)]


def inventory_code(wildcards):
    return hash_script("scripts/inventory/inventory.py", *inventory_modules(wildcards))


def inventory_versions(wildcards):
    """Return the versions of all packages of models, which the inventory describes even if no model of the run uses them."""
    versions = list_script_versions("scripts/inventory/inventory.py", *inventory_modules(wildcards))
    return versions | list_package_versions(MODEL_PACKAGES)
