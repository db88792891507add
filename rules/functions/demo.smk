# Parameters of demo.smk.


def published_models():
    """The models whose results are on the card: all but those that this configuration trains."""
    return [model for model, entry in config["models"].items() if "training" not in entry.get("weights", {})]


def retrained_models():
    """Model on the card -> the model that has the weights of its retraining."""
    trained = {model: entry.get("weights", {}).get("training") for model, entry in config["models"].items()}
    return {config["trainings"][training]["model"]: model for model, training in trained.items() if training}
