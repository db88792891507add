# The weights of the demo, for maintainers of this repository: training from scratch, and comparison of a retraining
# with their card, config/demo/figures.csv. The configuration is config/demo-models.yaml.


include: "functions/demo.smk"


localrules:
    pretrain_demo,


rule pretrain_demo:
    """Train the models of `trainings` from scratch."""
    input:
        checkpoints=expand(
            "results/{run}/training/{training}/checkpoint.json",
            run=config["run"],
            training=config["trainings"],
        ),


rule demo_card:
    """Write the estimates of the demo models that config/demo/figures.csv records."""
    input:
        estimates=f"results/{config['run']}/statistics/estimates.parquet",
    output:
        table=f"results/{config['run']}/statistics/card.csv",
    log:
        f"logs/{config['run']}/demo_card.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/demo/card.py"),
        models=published_models(),
    script:
        "../scripts/demo/card.py"


rule verify_demo_weights:
    """Train the demo models again and compare their estimates with the card."""
    input:
        card="config/demo/figures.csv",
        estimates=f"results/{config['run']}/statistics/estimates.parquet",
    output:
        table=f"results/{config['run']}/statistics/rebuilt.csv",
    log:
        f"logs/{config['run']}/verify_demo_weights.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=compare_card_code,
        retrained=retrained_models(),
    script:
        "../scripts/demo/compare_card.py"
