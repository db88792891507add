# The site. Input: a CPU job and a GPU job. Output: what they found, and lines for the profile.


include: "functions/jobs.smk"


# The check removes its output, so that each check runs both jobs again.
rule site_job:
    output:
        node="results/{run}/site/{kind}.json",
    log:
        "logs/{run}/site_job/{kind}.log",
    benchmark:
        "results/{run}/timings/site_job/{kind}.tsv"
    wildcard_constraints:
        kind="cpu|gpu",
    conda:
        "../envs/models.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=site_minutes,
        gpu=site_gpus,
    params:
        code=hash_script("scripts/jobs/site_job.py"),
        hosts=download_hosts(),
    script:
        "../scripts/jobs/site_job.py"


# This rule has no output, so it runs whenever it is requested.
rule site_check:
    """Describe a CPU node and a GPU node of the site: driver, GPU, disks, network, limits, and lines for the profile."""
    input:
        cpu=f"results/{config['run']}/site/cpu.json",
        gpu=f"results/{config['run']}/site/gpu.json",
    log:
        "logs/site_check.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/jobs/site_check.py"),
    script:
        "../scripts/jobs/site_check.py"
