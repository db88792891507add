# Statistics: every cell's sufficient statistics in, estimates with intervals and paired comparisons out.


rule estimate:
    input:
        pairs=run_pairs_input,
        instances=run_instances_input,
        images=expand("resources/datasets/{dataset}/images.parquet", dataset=referenced_ids("datasets")),
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
        code=code_hash("samgap.metrics", "samgap.statistics"),
        experiments=config["experiments"],
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/statistics/estimate.py"


rule compare:
    input:
        pairs=compared_pairs_input,
        images=expand("resources/datasets/{dataset}/images.parquet", dataset=referenced_ids("datasets")),
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
        code=code_hash("samgap.metrics", "samgap.statistics"),
        pairs=expand_comparisons(config),
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/statistics/compare.py"


rule demo_card:
    """The figures of the demo models' card, as config/demo/figures.csv keeps them."""
    input:
        estimates=f"results/{config['run']}/statistics/estimates.parquet",
    output:
        table=f"results/{config['run']}/statistics/card.csv",
    log:
        f"logs/{config['run']}/demo_card.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=code_hash("samgap.statistics"),
        models=["sam2-demo", "sam3-demo", "grounded-demo", "filled-box", "ellipse"],
    script:
        "../scripts/statistics/card.py"


rule verify_demo_weights:
    """Train the demo's models again, and hold them against the figures of their card."""
    input:
        card="config/demo/figures.csv",
        estimates=f"results/{config['run']}/statistics/estimates.parquet",
    output:
        table=f"results/{config['run']}/statistics/rebuilt.csv",
    log:
        f"logs/{config['run']}/verify_demo_weights.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=code_hash("samgap.statistics"),
        rebuilt={"sam2-demo": "sam2-rebuilt", "sam3-demo": "sam3-rebuilt"},
    script:
        "../scripts/statistics/rebuilt.py"
