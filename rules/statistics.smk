# Statistics. Input: the sufficient statistics of all cells. Output: estimates with intervals, comparisons, rank correlations, and score thresholds.


include: "functions/statistics.smk"


rule choose_threshold:
    """The score threshold of a model, chosen on validation images and fixed before the predictions of others are matched."""
    input:
        pairs=validation_pairs_input,
    output:
        table="results/{run}/statistics/thresholds/{model}.parquet",
    log:
        "logs/{run}/choose_threshold/{model}.log",
    benchmark:
        "results/{run}/timings/choose_threshold/{model}.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/statistics/choose_threshold.py"),
        versions=list_script_versions("scripts/statistics/choose_threshold.py"),
        cell=validation_cell,
        exhaustive=exhaustive_datasets(),
        official_score=official_score,
    script:
        "../scripts/statistics/choose_threshold.py"


rule estimate:
    input:
        pairs=run_pairs_input,
        instances=run_instances_input,
        images=expand("resources/datasets/{dataset}/images.parquet", dataset=list_referenced_ids(config, "datasets")),
    output:
        table="results/{run}/statistics/estimates.parquet",
        confusions="results/{run}/statistics/confusions.parquet",
    log:
        "logs/{run}/estimate.log",
    benchmark:
        "results/{run}/timings/estimate/estimate.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=estimate_code,
        versions=estimate_versions,
        exhaustive=exhaustive_datasets(),
        experiments=config["experiments"],
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/statistics/estimate.py"


rule compare:
    input:
        pairs=compared_pairs_input,
        instances=compared_instances_input,
        images=expand("resources/datasets/{dataset}/images.parquet", dataset=list_referenced_ids(config, "datasets")),
    output:
        table="results/{run}/statistics/comparisons.parquet",
    log:
        "logs/{run}/compare.log",
    benchmark:
        "results/{run}/timings/compare/compare.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=compare_code,
        versions=compare_versions,
        exhaustive=exhaustive_datasets(),
        pairs=expand_comparisons(config),
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/statistics/compare.py"


rule correlate:
    input:
        pairs=correlated_pairs_input,
        images=expand("resources/datasets/{dataset}/images.parquet", dataset=list_referenced_ids(config, "datasets")),
    output:
        table="results/{run}/statistics/rank_correlations.parquet",
    log:
        "logs/{run}/correlate.log",
    benchmark:
        "results/{run}/timings/correlate/correlate.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=correlate_code,
        versions=correlate_versions,
        exhaustive=exhaustive_datasets(),
        correlations=expand_rank_correlations(config),
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/statistics/correlate.py"
