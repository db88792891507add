# Input functions of checkpoints.smk.


def trained_weights_input(wildcards):
    """The weights and the card of a training, for a model whose weights come from one."""
    training = config["models"][wildcards.model].get("weights", {}).get("training")
    folder = f"results/{config['run']}/training/{training}"
    return {"trained": f"{folder}/weights.pt", "trained_card": f"{folder}/checkpoint.json"} if training else {}
