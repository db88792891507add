# Parameters and code hashes of demo.smk.


def published_models():
    """Return the models whose results are on the card: all models that this configuration does not train."""
    return [model for model, entry in config["models"].items() if "training" not in entry.get("weights", {})]


def retrained_models():
    """Return model on the card -> the model with the weights of its retraining."""
    trained = {model: entry.get("weights", {}).get("training") for model, entry in config["models"].items()}
    return {config["trainings"][training]["model"]: model for model, training in trained.items() if training}


def compare_card_code(wildcards):
    modules = plugin_modules.list_metric_modules(config["experiments"].values())
    return hash_script("scripts/demo/compare_card.py", *modules)
