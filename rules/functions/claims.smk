# Parameters of claims.smk.


def demo_models():
    """Return the ids of the demo models, and of the models that have one as a component."""
    parts = {model: [model, *capabilities.list_components(entry).values()] for model, entry in config["models"].items()}
    return [model for model, ids in parts.items() if any(config["models"][id].get("demo", False) for id in ids)]
