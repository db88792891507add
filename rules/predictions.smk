# Predictions: images, prompts and weights in, all masks above a low score threshold as RLE out.


def component_weights_input(wildcards):
    """The weights and cards of the models that a model is composed of, by their role."""
    components = capabilities.components(config["models"][wildcards.model])
    weights = {role: f"resources/checkpoints/{model}/weights.pt" for role, model in components.items()}
    cards = {f"{role}_card": f"resources/checkpoints/{model}/checkpoint.json" for role, model in components.items()}
    return weights | cards


def click_truth_input(wildcards):
    """The ground truth, for simulated corrective clicks alone: no other prediction has access to it."""
    if config["prompts"][wildcards.prompts]["kind"] != "clicks":
        return {}
    return {"truth": f"resources/datasets/{wildcards.dataset}/instances.json"}


def predict_model_params(wildcards):
    return model_options(wildcards.model)


def predict_gpus(wildcards):
    return n_gpus(config, "models", config["models"][wildcards.model]["family"])


def predict_code(wildcards):
    return script_hash("scripts/predictions/predict.py", *plugin_modules.model_modules(config, wildcards.model))


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
        code=predict_code,
        model=predict_model_params,
        shards=lookup(within=config, dpath="datasets/{dataset}/shards"),
        device=config["device"],
        # Completed chunks of an unfinished shard. Not an output: Snakemake removes the outputs of a killed job.
        chunks="results/{run}/unfinished/predict/{dataset}-{model}-{prompts}-{shard}",
    script:
        "../scripts/predictions/predict.py"
