# Input functions of matching.smk.
from samgap.config import score_thresholds


def flow_input(wildcards):
    """Return the image folder of a rendered sequence, which has the optical flow files."""
    has_flow = "frames" in config["datasets"][wildcards.dataset]
    return {"pictures": f"resources/datasets/{wildcards.dataset}/images"} if has_flow else {}


def threshold_input(wildcards):
    """Return the table with the chosen score threshold of the model, for phrases on other images than those of the choice."""
    cell = wildcards.dataset, wildcards.model, wildcards.prompts
    if not score_thresholds.uses_chosen_score(config, cell, Path(workflow.basedir)):
        return {}
    return {"thresholds": f"results/{wildcards.run}/statistics/thresholds/{wildcards.model}.parquet"}


def labelled_distance(wildcards):
    """Return the distance from labelled instances within which a prediction is near them, a fraction of the height."""
    return config["datasets"][wildcards.dataset]["labelled-distance"]


def official_score(wildcards):
    return score_thresholds.get_official_score(config, wildcards.model, Path(workflow.basedir))
