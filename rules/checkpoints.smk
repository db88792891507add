# Checkpoints. Input: a URL, a hub id, a local file or a training. Output: the weights and their card.


include: "functions/checkpoints.smk"


rule checkpoint:
    input:
        unpack(trained_weights_input),
    output:
        weights="resources/checkpoints/{model}/weights.pt",
        card="resources/checkpoints/{model}/checkpoint.json",
    log:
        "logs/checkpoint/{model}.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/checkpoints/checkpoint.py"),
        source=weights_source,
        state=weights_state,
        skip_unavailable=config["skip-unavailable"],
    script:
        "../scripts/checkpoints/checkpoint.py"


# This rule has no output, so it runs whenever it is requested.
rule verify:
    """Compare all downloaded archives, data sets and checkpoints, and all results, with their recorded SHA-256."""
    log:
        "logs/verify.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/checkpoints/verify.py"),
        recorded=downloaded_folders(),
        run_folder=f"results/{config['run']}",
        rules=result_patterns,
    script:
        "../scripts/checkpoints/verify.py"
