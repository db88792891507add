"""Validation of the files that a configuration needs: modules of plug-ins, metrics, figures and tables, and data."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from samgap.config import module_literals, plugins
from samgap.config.cells import list_referenced_ids
from samgap.config.plugin_options import list_path_options
from samgap.config.schema import suggest
from samgap.config.yaml_files import load_yaml
from samgap.errors import UserError


def validate_plugins(config: Mapping[str, Any], root: Path) -> None:
    """Raise UserError for a kind, family, figure or table without its module.

    The configuration need not be valid yet; sections and entries that are not mappings are left to the schema.
    """
    for stage, (section, key) in plugins.PLUGIN_KEYS.items():
        entries = config.get(section)
        for name, entry in entries.items() if isinstance(entries, Mapping) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get(key), str):
                _validate_plugin(root, f"{section}.{name}.{key}", entry[key], stage)
    for section in ("figures", "tables"):
        files, items = plugins.list_paper_items(root, section), config.get(section)
        for id in items if isinstance(items, Mapping) else ():
            if id not in files:
                file = plugins.get_paper_item_file(section, str(id))
                raise UserError(
                    f"config: {section} has the id '{id}' without its file {file}; "
                    f"add the file, or remove the id ({suggest(str(id), files)})"
                )
            plugins.read_paper_inputs(root, section, id)


def validate_files(config: Mapping[str, Any], root: Path) -> None:
    """Raise UserError for a metric without its file, a path without its file or folder, or facts that are no YAML."""
    used = {section: list_referenced_ids(config, section) for section in ("datasets", "models", "prompts")}
    used |= {section: list(config.get(section, {})) for section in ("figures", "tables", "trainings")}
    for section, ids in used.items():
        for id in ids:
            entry = config[section][id]
            for key in list_path_options(root, section, id, entry):
                may_be_url = (section, key) == ("datasets", "path")
                _validate_path(f"{section}.{id}.{key}", entry.get(key), may_be_url)
    for id, entry in config["figures"].items():
        if "facts" in entry:  # like other YAML files of this repository, from its root
            load_yaml(f"figures.{id}.facts", entry["facts"], root, dict)
    _validate_metrics(config, root)


def _validate_path(key_path: str, value: Any, may_be_url: bool) -> None:
    # Snakemake resolves relative paths in its working directory, which need not be the repository.
    if isinstance(value, str) and not Path(value).exists():
        # In another encoding, a name beyond ASCII is looked for with other bytes.
        is_encoding_wrong = not value.isascii() and sys.getfilesystemencoding() != "utf-8"
        raise UserError(
            f"config: {key_path} is {value}, which does not exist; name a path on this machine"
            + (", or an address that starts with https://" if may_be_url else "")
            + (" (set PYTHONUTF8=1, as this locale is not UTF-8)" if is_encoding_wrong else "")
        )
    if isinstance(value, str) and ("{" in value or "}" in value):
        raise UserError(
            f"config: {key_path} is {value}, whose braces Snakemake takes for wildcards; rename it, or name a link"
        )


def _validate_metrics(config: Mapping[str, Any], root: Path) -> None:
    folder = Path("src/samgap/metrics")
    metrics = module_literals.list_metrics(root / folder)
    for section in ("experiments", "figures"):
        for name, entry in config[section].items():
            for metric in entry.get("metrics", []):
                if metric in plugins.REPLACED_METRICS:
                    reason = plugins.explain_missing_metric(metric)
                    raise UserError(f"config: {section}.{name}.metrics: metric `{metric}` {reason}")
                if metric not in metrics:
                    file = folder / f"{module_literals.to_module_name(metric)}.py"
                    raise UserError(
                        f"config: {section}.{name}.metrics names '{metric}' without its file {file}; "
                        f"{suggest(metric, metrics)}"
                    )


def _validate_plugin(root: Path, key_path: str, plugin: str, stage: str) -> None:
    available = plugins.list_plugins(root, stage)
    if plugin in available:
        return
    file = Path("src/samgap") / stage / f"{module_literals.to_module_name(plugin)}.py"
    if (root / file).is_file():
        raise UserError(
            f"config: {key_path} names '{plugin}', but {file} does not define `{plugins.MARKERS[stage]}`; "
            f"define it, or name another: {suggest(plugin, available)}"
        )
    raise UserError(f"config: {key_path} names '{plugin}' without its file {file}; {suggest(plugin, available)}")
