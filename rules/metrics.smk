# Metrics: masks and ground truth in, overlaps, matched instances and sufficient statistics out.


rule measure:
    input:
        unpack(flow_of),
        masks="results/{run}/predictions/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/masks.parquet",
        prompts="results/{run}/prompts/dataset={dataset}/prompts={prompts}/prompts.parquet",
        truth="resources/datasets/{dataset}/instances.json",
        images="resources/datasets/{dataset}/images.parquet",
    output:
        overlaps="results/{run}/metrics/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/overlaps.parquet",
        instances="results/{run}/metrics/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/instances.parquet",
        pairs="results/{run}/metrics/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/pairs.parquet",
    log:
        "logs/{run}/measure/{dataset}-{model}-{prompts}-{shard}.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_memory,
        runtime=hours,
    params:
        code=code_hash("samgap.matching", "samgap.masks"),
        shards=lookup(within=config, dpath="datasets/{dataset}/shards"),
        score_threshold=config["statistics"]["score-threshold"],
    script:
        "../scripts/metrics/measure.py"
