# Input functions, captions and code hashes of paper.smk.
from samgap.paper.captions import read_caption


def paper_files():
    """All files of the run's figures and tables."""
    folder = f"results/{config['run']}/paper"
    return [
        *expand(f"{folder}/figures/{{figure}}.{{form}}", figure=config["figures"], form=["pdf", "svg", "png", "csv"]),
        *expand(f"{folder}/tables/{{table}}.{{form}}", table=config["tables"], form=["csv", "md", "tex", "html"]),
    ]


def figure_input(wildcards):
    """The images that a figure shows, with the prompts and masks of the cells it names, or with the ground truth."""
    entry = config["figures"][wildcards.figure]
    if "dataset" not in entry:
        return {}
    dataset, run = entry["dataset"], wildcards.run
    prompts_table = f"results/{run}/prompts/dataset={dataset}/prompts={{prompts}}/prompts.parquet"
    inputs = {
        "images": f"resources/datasets/{dataset}/images",
        "image_table": f"resources/datasets/{dataset}/images.parquet",
    }
    if "spatial" not in entry:
        inputs["truth"] = f"resources/datasets/{dataset}/instances.json"
        if "prompts" in entry:
            inputs["prompts"] = expand(prompts_table, prompts=entry["prompts"])
        return inputs
    for side in ("spatial", "concept"):
        model, prompts = entry[side]["model"], entry[side]["prompts"]
        folder = f"results/{run}/predictions/dataset={dataset}/model={model}/prompts={prompts}"
        inputs[f"{side}_prompts"] = prompts_table.format(prompts=prompts)
        inputs[f"{side}_masks"] = [f"{folder}/shard={shard}/masks.parquet" for shard in shard_names(dataset)]
    return inputs


def figure_caption(wildcards):
    return read_caption(plugin_modules.paper_source("figures", wildcards.figure))


def table_caption(wildcards):
    return read_caption(plugin_modules.paper_source("tables", wildcards.table))


def figure_code(wildcards):
    return script_hash(*plugin_modules.paper_code("figures", wildcards.figure))


def table_code(wildcards):
    return script_hash(*plugin_modules.paper_code("tables", wildcards.table))
