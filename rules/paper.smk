# The paper. Input: estimates, a few masks and images. Output: the files of each figure and table.


include: "functions/paper.smk"


rule figure:
    input:
        unpack(figure_input),
        named=figure_files,
        estimates="results/{run}/statistics/estimates.parquet",
    output:
        pdf="results/{run}/paper/figures/{figure}.pdf",
        svg="results/{run}/paper/figures/{figure}.svg",
        png=report(
            "results/{run}/paper/figures/{figure}.png",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}", "run": "{run}"},
        ),
        rows="results/{run}/paper/figures/{figure}.csv",
    log:
        "logs/{run}/figure/{figure}.log",
    benchmark:
        "results/{run}/timings/figure/{figure}.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=figure_code,
        versions=figure_versions,
        entry=figure_entry,
        states=figure_states,
        models=config["models"],
        score_threshold=figure_score_threshold,
        caption=figure_caption,
    script:
        "../scripts/paper/figure.py"


rule table:
    input:
        unpack(table_input),
        named=table_files,
        estimates="results/{run}/statistics/estimates.parquet",
        comparisons="results/{run}/statistics/comparisons.parquet",
        datasets=expand("resources/datasets/{dataset}/dataset.json", dataset=list_referenced_ids(config, "datasets")),
    output:
        csv=report(
            "results/{run}/paper/tables/{table}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}", "run": "{run}", "form": "CSV, full precision"},
        ),
        md="results/{run}/paper/tables/{table}.md",
        tex="results/{run}/paper/tables/{table}.tex",
        # The report displays HTML; it offers a CSV file for download only.
        html=report(
            "results/{run}/paper/tables/{table}.html",
            caption="../report/table.rst",
            category="Tables",
            labels={"table": "{table}", "run": "{run}", "form": "to read"},
        ),
    log:
        "logs/{run}/table/{table}.log",
    benchmark:
        "results/{run}/timings/table/{table}.tsv"
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=table_code,
        versions=table_versions,
        entry=table_entry,
        states=table_states,
        models=config["models"],
        experiments=config["experiments"],
        comparisons=config["comparisons"],
        rank_correlations=config["rank-correlations"],
        confidence=config["statistics"]["confidence"],
        caption=table_caption,
    script:
        "../scripts/paper/table.py"


rule paper_page:
    """One page with all figures, tables and claims of the run, which opens from disk."""
    input:
        unpack(page_claims),
        paper=figure_and_table_files(),
        estimates="results/{run}/statistics/estimates.parquet",
        datasets=expand("resources/datasets/{dataset}/dataset.json", dataset=list_referenced_ids(config, "datasets")),
        checkpoints=expand("resources/checkpoints/{model}/checkpoint.json", model=list_referenced_ids(config, "models")),
        prompts=[
            f"results/{{run}}/prompts/dataset={dataset}/prompts={prompts}/prompts.parquet"
            for dataset, prompts in page_prompt_sets()
        ],
    output:
        page=report(
            "results/{run}/paper/index.html",
            caption="../report/page.rst",
            category="Page",
            labels={"page": "all figures, tables and claims", "run": "{run}"},
        ),
    log:
        "logs/{run}/paper_page.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/paper/page.py"),
        versions=list_script_versions("scripts/paper/page.py"),
        config=page_config(),
        prompt_sets=page_prompt_sets(),
        captions=page_captions(),
    script:
        "../scripts/paper/page.py"


rule paper_figures:
    """Make all figures, tables and the page; from finished metrics no model is needed."""
    input:
        paper_files(),


# This rule has no output, so it runs whenever it is requested: it depends on what is finished.
rule plan:
    """Write the matrix of experiments, data, models and prompts, with an estimate of hours from what is finished."""
    log:
        "logs/plan.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/paper/plan.py"),
        config=page_config(),
    script:
        "../scripts/paper/plan.py"


# This rule has no output either: what it reports grows with the run.
rule costs:
    """Write the hours, GPU hours, idle share of the GPU and memory of the finished jobs, by rule."""
    log:
        "logs/costs.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/paper/costs.py"),
        run_folder=f"results/{config['run']}",
    script:
        "../scripts/paper/costs.py"


rule manifest:
    """The SHA-256 of all data, weights, tables and figures of the run, with its code and configuration."""
    input:
        paper=paper_files(),
        estimates="results/{run}/statistics/estimates.parquet",
        datasets=expand("resources/datasets/{dataset}/dataset.json", dataset=list_referenced_ids(config, "datasets")),
        checkpoints=expand("resources/checkpoints/{model}/checkpoint.json", model=list_referenced_ids(config, "models")),
    output:
        manifest="results/{run}/manifest.json",
    log:
        "logs/{run}/manifest.log",
    conda:
        "../envs/tables.yaml"
    resources:
        mem_mb=cpu_job_memory_mb,
        runtime=runtime_minutes,
    params:
        code=hash_script("scripts/paper/manifest.py"),
        config=config,
    script:
        "../scripts/paper/manifest.py"
