# Input functions and states of local inputs of checkpoints.smk.
from snakemake.io import regex_from_filepattern


def trained_weights_input(wildcards):
    """Return the weights and the card of a training, for a model with weights from a training."""
    training = config["models"][wildcards.model].get("weights", {}).get("training")
    folder = f"results/{config['run']}/training/{training}"
    return {"trained": f"{folder}/weights.pt", "trained_card": f"{folder}/checkpoint.json"} if training else {}


def weights_source(wildcards):
    """Return the source of a model's weights; None for a model without weights."""
    return config["models"][wildcards.model].get("weights")


def weights_state(wildcards):
    """Return the state of the local file that weights are copied from; None for weights from elsewhere."""
    return local_inputs.describe_local_source(config["models"][wildcards.model].get("weights"), ROOT)


def result_patterns(wildcards):
    """Return rule -> regular expressions of its outputs."""
    return {rule.name: [regex_from_filepattern(str(output)) for output in rule.output] for rule in workflow.rules}
