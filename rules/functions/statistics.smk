# Input functions and code hashes of statistics.smk.
from samgap.config import score_thresholds
from samgap.config.comparisons import expand_comparisons, list_compared_cells
from samgap.config.rank_correlations import expand_rank_correlations, list_correlated_cells


def shard_tables(run, table, cells):
    """Return the paths of a matching table of all shards of `cells`: (dataset, model, prompts)."""
    return [
        f"results/{run}/matching/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/{table}.parquet"
        for dataset, model, prompts in cells
        for shard in shard_names(dataset)
    ]


def run_pairs_input(wildcards):
    return shard_tables(wildcards.run, "pairs", list_cells(config))


def run_instances_input(wildcards):
    return shard_tables(wildcards.run, "instances", list_cells(config))


def compared_pairs_input(wildcards):
    """Return the sufficient statistics of the cells in `comparisons`."""
    cells = {cell for pair in expand_comparisons(config) for cell in list_compared_cells(pair)}
    return shard_tables(wildcards.run, "pairs", sorted(cells))


def compared_instances_input(wildcards):
    """Return the instances of the cells in `comparisons` of which strata are compared."""
    pairs = [
        pair for pair in expand_comparisons(config) if pair["strata"] or pair["stratum"] or pair["baseline_stratum"]
    ]
    cells = {cell for pair in pairs for cell in list_compared_cells(pair)}
    return shard_tables(wildcards.run, "instances", sorted(cells))


def correlated_pairs_input(wildcards):
    """Return the sufficient statistics of the cells in `rank-correlations`."""
    cells = {cell for each in expand_rank_correlations(config) for cell in list_correlated_cells(each)}
    return shard_tables(wildcards.run, "pairs", sorted(cells))


def exhaustive_datasets():
    """Return data set -> whether its labels are exhaustive, which marks values and changes none."""
    return {dataset: config["datasets"][dataset]["exhaustive"] for dataset in list_referenced_ids(config, "datasets")}


def validation_cell(wildcards):
    """Return data set, model and prompts with which the score threshold of a model is chosen."""
    return score_thresholds.get_validation_cell(config, wildcards.model)


def validation_pairs_input(wildcards):
    return shard_tables(wildcards.run, "pairs", [validation_cell(wildcards)])


def estimate_modules():
    return plugin_modules.list_metric_modules(config["experiments"].values())


def compare_modules():
    return plugin_modules.list_metric_modules(config["comparisons"].values())


def correlate_modules():
    metrics = [{"metrics": [entry["metric"]]} for entry in config["rank-correlations"].values()]
    return plugin_modules.list_metric_modules(metrics)


def estimate_code(wildcards):
    return hash_script("scripts/statistics/estimate.py", *estimate_modules())


def estimate_versions(wildcards):
    return list_script_versions("scripts/statistics/estimate.py", *estimate_modules())


def compare_code(wildcards):
    return hash_script("scripts/statistics/compare.py", *compare_modules())


def compare_versions(wildcards):
    return list_script_versions("scripts/statistics/compare.py", *compare_modules())


def correlate_code(wildcards):
    return hash_script("scripts/statistics/correlate.py", *correlate_modules())


def correlate_versions(wildcards):
    return list_script_versions("scripts/statistics/correlate.py", *correlate_modules())
