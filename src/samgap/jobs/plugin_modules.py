"""The modules that a rule's script imports by a name of the configuration, as dotted names.

`samgap.jobs.code_hash` cannot read them from the script's imports, so rules pass them to `hash_script`.
`config` is the checked configuration in every function.
"""

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from samgap.config import module_literals, plugins
from samgap.config.components import list_components
from samgap.jobs.code_hash import PACKAGE_DIR, find_imported_modules


def get_dataset_module(config: Mapping[str, Any], dataset: str) -> str:
    """Return the module of a data set's kind."""
    return f"samgap.datasets.{module_literals.to_module_name(config['datasets'][dataset]['kind'])}"


def get_prompts_module(config: Mapping[str, Any], prompts: str) -> str:
    """Return the module of a prompt set's kind."""
    return f"samgap.prompts.{module_literals.to_module_name(config['prompts'][prompts]['kind'])}"


def list_model_modules(config: Mapping[str, Any], model: str) -> list[str]:
    """Return the modules of a model's family and of its components' families."""
    entry = config["models"][model]
    components = [config["models"][component] for component in list_components(entry).values()]
    return sorted({f"samgap.models.{module_literals.to_module_name(each['family'])}" for each in (entry, *components)})


def list_unused_modules(config: Mapping[str, Any], model: str) -> tuple[str, ...]:
    """Return the modules of a model's family and of its components' that none of them imports, by `MODULES_WITH`."""
    entry = config["models"][model]
    entries = [entry, *(config["models"][component] for component in list_components(entry).values())]
    used: dict[str, bool] = {}
    for each in entries:
        for option, modules in _read_optional_modules(each["family"]).items():
            used |= {module: used.get(module, False) or bool(each.get(option)) for module in modules}
    return tuple(sorted(module for module, is_used in used.items() if not is_used))


def get_training_module(config: Mapping[str, Any], training: str) -> str:
    """Return the module of a training: of its method, or else of its family."""
    return plugins.get_training_module(config["trainings"][training])


def list_probe_modules() -> list[str]:
    """Return the modules of all probes."""
    folder = PACKAGE_DIR / "inventory" / "probes"
    return [f"samgap.inventory.probes.{file.stem}" for file in module_literals.list_modules(folder, "measure").values()]


def list_metric_modules(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the modules of all metrics named by `entries`, experiments or comparisons with the key `metrics`."""
    metrics = {metric for entry in entries for metric in entry["metrics"]}
    return sorted({f"samgap.metrics.{_list_metric_files()[metric]}" for metric in metrics})


def list_paper_code(config: Mapping[str, Any], section: str, id: str) -> list[str]:
    """Return the arguments of `hash_script` for a figure or table: script, module, and metrics if it uses their labels.

    Args:
        config: the checked configuration
        section: `figures` or `tables`
        id: key of the entry in that section of the configuration
    """
    module = f"samgap.paper.{section}.{module_literals.to_module_name(id)}"
    rows = config.get(section, {}).get(id, {}).get("rows", [])
    quantities = [quantity for row in rows for quantity in row["measured"]]
    shown = {"metrics": [quantity["metric"] for quantity in quantities if "metric" in quantity]}
    entries = [*config["experiments"].values(), *config["comparisons"].values(), shown]
    uses_metrics = "samgap.metrics" in find_imported_modules(module)
    return [
        f"scripts/paper/{section.removesuffix('s')}.py",
        module,
        *(list_metric_modules(entries) if uses_metrics else []),
    ]


def get_paper_source(section: str, id: str) -> Path:
    """Return the module of a figure or table, whose docstring is its caption."""
    return PACKAGE_DIR / "paper" / section / f"{module_literals.to_module_name(id)}.py"


@functools.cache
def _read_optional_modules(family: str) -> Mapping[str, tuple[str, ...]]:
    file = plugins.list_plugins(PACKAGE_DIR.parents[1], "models")[family]
    return module_literals.read_literals(file, "MODULES_WITH").get("MODULES_WITH", {})


@functools.cache
def _list_metric_files() -> dict[str, str]:
    return {metric: name for metric, (name, _) in module_literals.list_metrics(PACKAGE_DIR / "metrics").items()}
