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


def inventory_code(wildcards):
    families = {
        name for model in inventory_models(wildcards) for name in plugin_modules.list_model_modules(config, model)
    }
    return hash_script("scripts/inventory/inventory.py", *plugin_modules.list_probe_modules(), *sorted(families))
