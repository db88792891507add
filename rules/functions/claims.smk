# Parameters of claims.smk.
from samgap.config.components import is_demo_model


def demo_models():
    """Return the ids of the demo models, and of the models that have one as a component."""
    return [model for model in config["models"] if is_demo_model(config["models"], model)]
