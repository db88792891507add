# Predictions: images, prompts and weights in, every mask as RLE at a low score threshold out.


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
        code=predictions_code_hash,
        model=model_params,
        shards=lookup(within=config, dpath="datasets/{dataset}/shards"),
        device=config["device"],
        # Where finished parts lie until the shard is: no output, which Snakemake would remove when a job is killed.
        aside="results/{run}/unfinished/predict/{dataset}-{model}-{prompts}-{shard}",
    script:
        "../scripts/predictions/predict.py"
