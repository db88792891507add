# Prompts. Input: ground truth and phrase lists. Output: a table with one row for each prompt.


include: "functions/prompts.smk"


rule prompts:
    input:
        truth="resources/datasets/{dataset}/instances.json",
        images="resources/datasets/{dataset}/images.parquet",
        named=prompts_files,
    output:
        table="results/{run}/prompts/dataset={dataset}/prompts={prompts}/prompts.parquet",
    log:
        "logs/{run}/prompts/{dataset}-{prompts}.log",
    benchmark:
        "results/{run}/timings/prompts/{dataset}-{prompts}.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=prompts_code,
        versions=prompts_versions,
        options=prompts_options,
        states=prompts_states,
        seed=prompts_seed,
    script:
        "../scripts/prompts/prompts.py"
