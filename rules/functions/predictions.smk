# Input functions, parameters, GPUs and code hashes of predictions.smk.


def component_weights_input(wildcards):
    """Return the weights and cards of the components of a model, by role."""
    components = list_components(config["models"][wildcards.model])
    weights = {role: f"resources/checkpoints/{model}/weights.pt" for role, model in components.items()}
    cards = {f"{role}_card": f"resources/checkpoints/{model}/checkpoint.json" for role, model in components.items()}
    return weights | cards


def click_truth_input(wildcards):
    """Return the ground truth for simulated corrective clicks; other predictions have no access to it."""
    if not PROMPT_KINDS[config["prompts"][wildcards.prompts]["kind"]].interactive:
        return {}
    return {"truth": f"resources/datasets/{wildcards.dataset}/instances.json"}


def predict_model_params(wildcards):
    return model_options(wildcards.model)


def predict_files(wildcards):
    """Return the local files that a model's options name."""
    return named_files("models", wildcards.model)


def predict_states(wildcards):
    """Return the states of the local files and folders that a model's options name."""
    return named_states("models", wildcards.model)


def has_network(model):
    """Return whether a model runs a network: then its predictions depend on the device and its arithmetic."""
    return needs_gpu("models", config["models"][model]["family"])


def predict_device(wildcards):
    return config["device"] if has_network(wildcards.model) else None


def predict_tf32(wildcards):
    return config["tf32"] if has_network(wildcards.model) else None


def predict_gpus(wildcards):
    return count_gpus(config, "models", config["models"][wildcards.model]["family"])


def predict_code(wildcards):
    modules = plugin_modules.list_model_modules(config, wildcards.model)
    unused = plugin_modules.list_unused_modules(config, wildcards.model)
    return hash_script("scripts/predictions/predict.py", *modules, without=unused)


def predict_versions(wildcards):
    modules = plugin_modules.list_model_modules(config, wildcards.model)
    unused = plugin_modules.list_unused_modules(config, wildcards.model)
    is_network = has_network(wildcards.model)
    return list_script_versions("scripts/predictions/predict.py", *modules, without=unused, has_network=is_network)
