"""Declared pairs of comparisons, as `samgap.config.comparisons.expand_comparisons` returns them."""


def declare_pair(comparison, model, baseline_model, metrics, prompts="box", **changes):
    """Return a pair of two models with the same prompts on the data set `set`; `changes` replaces keys of it."""
    pair = {"comparison": comparison, "metrics": list(metrics), "strata": [], "margins": {}}
    for side, id in (("", model), ("baseline_", baseline_model)):
        pair |= {f"{side}dataset": "set", f"{side}model": id, f"{side}prompts": prompts, f"{side}stratum": None}
    if "dataset" in changes:
        changes = {"baseline_dataset": changes["dataset"], **changes}
    return {**pair, **changes}
