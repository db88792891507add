# Claims. Input: the inventory, the probes and the statistics. Output: the verdict on each claim of the paper.


include: "functions/claims.smk"


rule claims:
    input:
        inventory="results/{run}/inventory/inventory.parquet",
        probes="results/{run}/inventory/probes.parquet",
        estimates="results/{run}/statistics/estimates.parquet",
        comparisons="results/{run}/statistics/comparisons.parquet",
    output:
        table="results/{run}/claims/claims.parquet",
    log:
        "logs/{run}/claims.log",
    benchmark:
        "results/{run}/timings/claims/claims.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/claims/claims.py"),
        versions=list_script_versions("scripts/claims/claims.py"),
        claims=config.get("claims"),
        demo_models=demo_models(),
    script:
        "../scripts/claims/claims.py"
