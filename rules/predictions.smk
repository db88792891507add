# Predictions. Input: images, prompts and weights. Output: all masks above a low score threshold, as RLE.


include: "functions/predictions.smk"


rule predict:
    input:
        unpack(click_truth_input),
        unpack(component_weights_input),
        images="resources/datasets/{dataset}/images",
        image_table="resources/datasets/{dataset}/images.parquet",
        dataset="resources/datasets/{dataset}/dataset.json",
        prompts="results/{run}/prompts/dataset={dataset}/prompts={prompts}/prompts.parquet",
        weights="resources/checkpoints/{model}/weights.pt",
        card="resources/checkpoints/{model}/checkpoint.json",
        named=predict_files,
    output:
        masks="results/{run}/predictions/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/masks.parquet",
        timing="results/{run}/predictions/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/timing.parquet",
    log:
        "logs/{run}/predict/{dataset}-{model}-{prompts}-{shard}.log",
    benchmark:
        "results/{run}/timings/predict/{dataset}-{model}-{prompts}-{shard}.tsv"
    conda:
        "../envs/models.yaml"
    threads: 2
    resources:
        mem_mb=gpu_job_memory_mb,
        runtime=runtime_minutes,
        gpu=predict_gpus,
    params:
        code=predict_code,
        versions=predict_versions,
        model=predict_model_params,
        states=predict_states,
        shards=shard_count,
        device=predict_device,
        tf32=predict_tf32,
        # Completed chunks of an unfinished shard. Not an output: Snakemake removes the outputs of a killed job.
        chunks="results/{run}/unfinished/predict/{dataset}-{model}-{prompts}-{shard}",
    script:
        "../scripts/predictions/predict.py"
