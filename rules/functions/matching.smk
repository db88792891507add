# Input functions of matching.smk.
from samgap.config import score_thresholds


def flow_input(wildcards):
    """Return the image folder of a rendered sequence, which has the optical flow files."""
    has_flow = "frames" in config["datasets"][wildcards.dataset]
    return {"pictures": f"resources/datasets/{wildcards.dataset}/images"} if has_flow else {}


@functools.cache
def uses_chosen_score(dataset, model, prompts):
    """Return whether a cell is also matched at the chosen score threshold, computed once for all shards."""
    return score_thresholds.uses_chosen_score(config, (dataset, model, prompts), ROOT)


def threshold_input(wildcards):
    """Return the table with the chosen score threshold of the model, for phrases on other images than those of the choice."""
    if not uses_chosen_score(wildcards.dataset, wildcards.model, wildcards.prompts):
        return {}
    return {"thresholds": f"results/{wildcards.run}/statistics/thresholds/{wildcards.model}.parquet"}


def labelled_distance(wildcards):
    """Return the distance from labelled instances within which a prediction is near them, a fraction of the height."""
    return config["datasets"][wildcards.dataset]["labelled-distance"]


@functools.cache
def official_score_of(model):
    return score_thresholds.get_official_score(config, model, ROOT)


def official_score(wildcards):
    return official_score_of(wildcards.model)
