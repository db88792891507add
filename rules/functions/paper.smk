# Input functions, captions and code hashes of paper.smk.
from samgap.config import plugins, score_thresholds
from samgap.config.cells import iter_cells
from samgap.paper.captions import read_caption

PAGE_SECTIONS = (
    "run",
    "seed",
    "tf32",
    "costs",
    "datasets",
    "models",
    "prompts",
    "experiments",
    "figures",
    "tables",
    "thresholds",
    "statistics",
)
"""The sections of the configuration that the page and the plan show."""


def figure_and_table_files():
    """Return all files of the run's figures and tables."""
    folder = f"results/{config['run']}/paper"
    return [
        *expand(f"{folder}/figures/{{figure}}.{{form}}", figure=config["figures"], form=["pdf", "svg", "png", "csv"]),
        *expand(f"{folder}/tables/{{table}}.{{form}}", table=config["tables"], form=["csv", "md", "tex", "html"]),
    ]


def paper_files():
    """Return all files of the run's figures and tables, and the page that shows them."""
    return [*figure_and_table_files(), f"results/{config['run']}/paper/index.html"]


def page_config():
    """Return the part of the configuration that the page and the plan depend on."""
    return {section: config[section] for section in PAGE_SECTIONS if section in config}


def page_claims(wildcards):
    """Return the claims if a figure or a table of the run reads them; they need the inventory of the packages."""
    root = ROOT
    entries = [(section, id) for section in ("figures", "tables") for id in config[section]]
    has_claims = any("claims" in plugins.read_paper_inputs(root, *entry) for entry in entries)
    return {"claims": f"results/{wildcards.run}/claims/claims.parquet"} if has_claims else {}


def page_prompt_sets():
    """Return (data set, prompt set) of all cells, each once."""
    return sorted({(dataset, prompts) for dataset, _, prompts in list_cells(config)})


def page_captions():
    """Return the caption of each figure and table, by section and id."""
    return {
        section: {id: read_caption(plugin_modules.get_paper_source(section, id)) for id in config[section]}
        for section in ("figures", "tables")
    }


SHARD_TABLES = {
    "pairs": "matching",
    "instances": "matching",
    "overlaps": "matching",
    "masks": "predictions",
    "timing": "predictions",
}
"""Tables of a cell that a figure or table can read -> the stage that writes them."""


def drawn_shards(entry, run, table):
    """The shards of a table, of all cells of the experiments that an entry names; of its data set alone, if it names one."""
    sections = {f"experiments.{name}" for name in entry.get("experiments", [])}
    cells = sorted({cell for section, cell in iter_cells(config) if section in sections})
    return [
        f"results/{run}/{SHARD_TABLES[table]}/dataset={dataset}/model={model}/prompts={prompts}/shard={shard}/{table}.parquet"
        for dataset, model, prompts in cells
        if entry.get("dataset", dataset) == dataset
        for shard in shard_names(dataset)
    ]


def declared_input(section, id, run, given):
    """The files that a figure's or table's module names in its INPUTS, without those that the rule has (`given`)."""
    statistics = f"results/{run}/statistics"
    trainings = config[section][id].get("trainings", list(config["trainings"]))
    files = {
        "comparisons": f"{statistics}/comparisons.parquet",
        "rank_correlations": f"{statistics}/rank_correlations.parquet",
        "confusions": f"{statistics}/confusions.parquet",
        "score_thresholds": [
            f"{statistics}/thresholds/{model}.parquet"
            for model in (config.get("thresholds") or {"models": []})["models"]
        ],
        "history": [f"results/{run}/training/{training}/history.parquet" for training in trainings],
        "inventory": f"results/{run}/inventory/inventory.parquet",
        "probes": f"results/{run}/inventory/probes.parquet",
        "claims": f"results/{run}/claims/claims.parquet",
    }
    names = plugins.read_paper_inputs(ROOT, section, id)
    entry = config[section][id]
    return {
        name: drawn_shards(entry, run, name) if name in SHARD_TABLES else files[name]
        for name in names
        if name not in given
    }


def figure_input(wildcards):
    """The tables that a figure's module declares, and the images and masks that its entry names."""
    declared = declared_input("figures", wildcards.figure, wildcards.run, given=["estimates"])
    return declared | image_input(wildcards) | lane_input(wildcards)


def table_input(wildcards):
    return declared_input("tables", wildcards.table, wildcards.run, given=["estimates", "comparisons"])


def lane_input(wildcards):
    """The timings and the matches of the cells that a figure's lanes name."""
    inputs = {}
    for lane, cell in config["figures"][wildcards.figure].get("lanes", {}).items():
        folder = f"dataset={cell['dataset']}/model={cell['model']}/prompts={cell['prompts']}"
        for name, stage in (("timing", "predictions"), ("pairs", "matching")):
            table = f"results/{wildcards.run}/{stage}/{folder}/shard={{shard}}/{name}.parquet"
            inputs[f"{lane}_{name}"] = expand(table, shard=shard_names(cell["dataset"]))
    return inputs


def image_input(wildcards):
    """The images that a figure shows, with the ground truth, and what its prompt sets or cells have for them."""
    entry = config["figures"][wildcards.figure]
    if "dataset" not in entry:
        return {}
    dataset, run = entry["dataset"], wildcards.run
    prompts_table = f"results/{run}/prompts/dataset={dataset}/prompts={{prompts}}/prompts.parquet"
    inputs = {
        "images": f"resources/datasets/{dataset}/images",
        "image_table": f"resources/datasets/{dataset}/images.parquet",
    }
    inputs["truth"] = f"resources/datasets/{dataset}/instances.json"
    if "spatial" not in entry:
        if "prompts" in entry:
            inputs["prompts"] = expand(prompts_table, prompts=entry["prompts"])
        return inputs
    for side in ("spatial", "concept"):
        model, prompts = entry[side]["model"], entry[side]["prompts"]
        cell = f"dataset={dataset}/model={model}/prompts={prompts}/shard={{shard}}"
        inputs[f"{side}_prompts"] = prompts_table.format(prompts=prompts)
        for name, stage in (("masks", "predictions"), ("timing", "predictions"), ("pairs", "matching")):
            table = f"results/{run}/{stage}/{cell}/{name}.parquet"
            inputs[f"{side}_{name}"] = expand(table, shard=shard_names(dataset))
    return inputs


def figure_entry(wildcards):
    return config["figures"][wildcards.figure]


def table_entry(wildcards):
    return config["tables"][wildcards.table]


def figure_score_threshold(wildcards):
    """Return the official score threshold of the model that a figure prompts with phrases."""
    entry = config["figures"][wildcards.figure]
    return score_thresholds.get_official_score(config, entry["concept"]["model"], ROOT) if "concept" in entry else None


def figure_caption(wildcards):
    return read_caption(plugin_modules.get_paper_source("figures", wildcards.figure))


def table_caption(wildcards):
    return read_caption(plugin_modules.get_paper_source("tables", wildcards.table))


def figure_files(wildcards):
    """Return the local files that a figure's options name."""
    return named_files("figures", wildcards.figure)


def figure_states(wildcards):
    """Return the states of the local files and folders that a figure's options name."""
    return named_states("figures", wildcards.figure)


def table_files(wildcards):
    """Return the local files that a table's options name."""
    return named_files("tables", wildcards.table)


def table_states(wildcards):
    """Return the states of the local files and folders that a table's options name."""
    return named_states("tables", wildcards.table)


def figure_code(wildcards):
    return hash_script(*plugin_modules.list_paper_code(config, "figures", wildcards.figure))


def table_code(wildcards):
    return hash_script(*plugin_modules.list_paper_code(config, "tables", wildcards.table))


def figure_versions(wildcards):
    return list_script_versions(*plugin_modules.list_paper_code(config, "figures", wildcards.figure))


def table_versions(wildcards):
    return list_script_versions(*plugin_modules.list_paper_code(config, "tables", wildcards.table))
