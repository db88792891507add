# Input functions of checkpoints.smk.


def trained_weights_input(wildcards):
    """Return the weights and the card of a training, for a model with weights from a training."""
    training = config["models"][wildcards.model].get("weights", {}).get("training")
    folder = f"results/{config['run']}/training/{training}"
    return {"trained": f"{folder}/weights.pt", "trained_card": f"{folder}/checkpoint.json"} if training else {}
