# Training. Input: images, ground truth and a model's architecture. Output: weights and the training history.


include: "functions/training.smk"


rule train:
    input:
        unpack(training_input),
        named=training_files,
    output:
        weights="results/{run}/training/{training}/weights.pt",
        last="results/{run}/training/{training}/last.pt",
        card="results/{run}/training/{training}/checkpoint.json",
        history="results/{run}/training/{training}/history.parquet",
    log:
        "logs/{run}/train/{training}.log",
    benchmark:
        "results/{run}/timings/train/{training}.tsv"
    conda:
        "../envs/models.yaml"
    threads: training_threads
    resources:
        mem_mb=gpu_job_memory_mb,
        runtime=runtime_minutes,
        gpu=training_gpus,
    params:
        code=training_code,
        versions=training_versions,
        device=config["device"],
        tf32=config["tf32"],
        seed=config["seed"],
        options=training_options,
        shares=training_image_shares,
        exhaustive=training_exhaustive,
        model=training_model_params,
        states=training_states,
        phrases=training_phrases,
    script:
        "../scripts/training/train.py"
