# Checkpoints: a URL, a hub id, a local file or a training in, the weights beside a card out.


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
        code=code_hash("samgap.checkpoints"),
        source=lookup(within=config, dpath="models/{model}/weights", default=None),
        skip_unavailable=config["skip-unavailable"],
    script:
        "../scripts/checkpoints/checkpoint.py"


# Without an output, so that it runs whenever it is asked for.
rule verify:
    """Hold all that `fetch` brought against its recorded sha256 once more."""
    log:
        "logs/verify.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=code_hash("samgap.download.verify"),
        recorded=files_with_checksums(),
    script:
        "../scripts/checkpoints/verify.py"
