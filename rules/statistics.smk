# Statistics: the sufficient statistics of all cells in, estimates with intervals and paired comparisons out.
from samgap.config.comparisons import expand_comparisons


def shard_tables(run, table, cells):
    """Paths of a matching table of all shards of `cells`: (dataset, model, prompts)."""
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
    """The sufficient statistics of the cells that `comparisons` names."""
    cells = set()
    for pair in expand_comparisons(config):
        cells.add((pair["dataset"], pair["model"], pair["prompts"]))
        cells.add((pair["dataset"], pair["baseline_model"], pair["baseline_prompts"]))
    return shard_tables(wildcards.run, "pairs", sorted(cells))


def estimate_code(wildcards):
    modules = plugin_modules.metric_modules(config["experiments"].values())
    return script_hash("scripts/statistics/estimate.py", *modules)


def compare_code(wildcards):
    modules = plugin_modules.metric_modules(config["comparisons"].values())
    return script_hash("scripts/statistics/compare.py", *modules)


rule estimate:
    input:
        pairs=run_pairs_input,
        instances=run_instances_input,
        images=expand("resources/datasets/{dataset}/images.parquet", dataset=referenced_ids(config, "datasets")),
    output:
        table="results/{run}/statistics/estimates.parquet",
        confusions="results/{run}/statistics/confusions.parquet",
    log:
        "logs/{run}/estimate.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=estimate_code,
        experiments=config["experiments"],
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/statistics/estimate.py"


rule compare:
    input:
        pairs=compared_pairs_input,
        images=expand("resources/datasets/{dataset}/images.parquet", dataset=referenced_ids(config, "datasets")),
    output:
        table="results/{run}/statistics/comparisons.parquet",
    log:
        "logs/{run}/compare.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=compare_code,
        pairs=expand_comparisons(config),
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/statistics/compare.py"
