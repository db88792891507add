# Matching. Input: masks and ground truth. Output: overlaps, matched instances and sufficient statistics.


include: "functions/matching.smk"


rule match_predictions:
    input:
        unpack(flow_input),
        unpack(threshold_input),
        masks="results/{run}/predictions/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/masks.parquet",
        prompts="results/{run}/prompts/dataset={dataset}/prompts={prompts}/prompts.parquet",
        truth="resources/datasets/{dataset}/instances.json",
        images="resources/datasets/{dataset}/images.parquet",
    output:
        overlaps="results/{run}/matching/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/overlaps.parquet",
        instances="results/{run}/matching/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/instances.parquet",
        pairs="results/{run}/matching/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/pairs.parquet",
    log:
        "logs/{run}/match_predictions/{dataset}-{model}-{prompts}-{shard}.log",
    benchmark:
        "results/{run}/timings/match_predictions/{dataset}-{model}-{prompts}-{shard}.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/matching/match.py"),
        versions=list_script_versions("scripts/matching/match.py"),
        shards=shard_count,
        labelled_distance=labelled_distance,
        score_threshold=official_score,
    script:
        "../scripts/matching/match.py"
