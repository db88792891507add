# Inventory. Input: the installed packages. Output: the modules and constants of the models, and what probes measured.


include: "functions/inventory.smk"


rule inventory:
    input:
        named=inventory_files,
    output:
        inventory="results/{run}/inventory/inventory.parquet",
        probes="results/{run}/inventory/probes.parquet",
    log:
        "logs/{run}/inventory.log",
    benchmark:
        "results/{run}/timings/inventory/inventory.tsv"
    conda:
        "../envs/models.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=inventory_code,
        models=inventory_models,
        versions=inventory_versions,
        states=inventory_states,
    script:
        "../scripts/inventory/inventory.py"
