# Statistics: every cell's sufficient statistics in, estimates with confidence intervals out.


rule estimate:
    input:
        pairs=pairs_of_run,
    output:
        table="results/{run}/statistics/estimates.parquet",
    log:
        "logs/{run}/estimate.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_memory,
        runtime=hours,
    params:
        code=code_hash("samgap.metrics", "samgap.statistics"),
        experiments=config["experiments"],
        statistics=config["statistics"],
        seed=config["seed"],
    script:
        "../scripts/statistics/estimate.py"
