# Data sets. Input: archives or a scene seed. Output: images and COCO instances.


include: "functions/datasets.smk"


rule fetch_archive:
    output:
        archive="resources/archives/{archive}",
        receipt="resources/archives/{archive}.json",
    log:
        "logs/fetch_archive/{archive}.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/datasets/fetch_archive.py"),
        source=archive_source,
        state=archive_state,
    script:
        "../scripts/datasets/fetch_archive.py"


rule dataset:
    input:
        unpack(dataset_input),
    output:
        images=directory("resources/datasets/{dataset}/images"),
        instances="resources/datasets/{dataset}/instances.json",
        table="resources/datasets/{dataset}/images.parquet",
        card=report(
            "resources/datasets/{dataset}/dataset.json",
            caption="../report/dataset.rst",
            category="Data sets",
            labels={"data set": "{dataset}"},
        ),
    log:
        "logs/dataset/{dataset}.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=dataset_code,
        versions=dataset_versions,
        options=dataset_options,
        state=dataset_state,
    script:
        "../scripts/datasets/dataset.py"
