"""The configuration, checked before a plan is made of it: keys and values, references, and a file for every id."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import yaml

from samgap.config import capabilities, comparisons, plugins
from samgap.config.schema import coerce_scalars, suggest, validate
from samgap.errors import UserError

Cell = tuple[str, str, str]
"""What is predicted and measured together: (dataset, model, prompts)."""

MODEL_FILE_KEYS = ("overrides", "architecture")
"""Keys of a model that may name a YAML file in place of what stands in it."""
PROMPT_FILE_TYPES = {"phrases": list, "words": dict}
"""Keys of a prompt set that may, and what stands there."""


def validate_config(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """`config` with its defaults, and with the content of the YAML files that it names, so that a change reruns.

    `root` is the repository's root. The first fault raises UserError: an unknown key, a value that is not allowed
    (config/schema.yaml), an id that no section has, an id without its file or a drawing without its id, a model
    that cannot answer its prompts.
    """
    schema = yaml.safe_load((root / "config" / "schema.yaml").read_text())
    _check_plugins(config, root)
    config = _add_url_archives(validate(_load_prompt_files(coerce_scalars(config, schema), root), schema))
    _check_secrets(config)
    _check_references(config)
    comparisons.validate_comparisons(config)
    _check_referenced_files(config, root)
    capabilities.validate_capabilities(config, _iter_cells(config), root)
    models = {name: _load_model_files(name, model, root) for name, model in config["models"].items()}
    return {**config, "models": models}


def _add_url_archives(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with an archive for each data set whose `path` is an address; those of one address share it."""
    archives, datasets = dict(config["archives"]), dict(config["datasets"])
    for name, entry in sorted(datasets.items()):
        url = entry.get("path", "")
        if url.startswith(("http://", "https://")):
            known = (archive for archive, source in archives.items() if source["url"] == url)
            archive = next(known, name if name not in archives else f"{name}-data")
            archives.setdefault(archive, {"file": PurePosixPath(urlsplit(url).path).name or name, "url": url})
            rest = {key: value for key, value in entry.items() if key != "path"}
            datasets[name] = {**rest, "archives": {"data": archive}}
    return {**config, "archives": archives, "datasets": datasets}


def _check_secrets(value: Any, key_path: str = "") -> None:
    """A configuration is written into what a run leaves, for all to read: no password and no token may be in it."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_secrets(item, f"{key_path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for item in value:
            _check_secrets(item, key_path)
    elif isinstance(value, str) and re.search(r"://[^/@]*@", value):
        raise UserError(f"config: {key_path} has a user's name or password in its address; put them into ~/.netrc")
    elif isinstance(value, str) and re.search(r"\bhf_[A-Za-z0-9]{20,}", value):
        raise UserError(
            f"config: {key_path} holds a token; take it out, and set the environment variable HF_TOKEN to it"
        )


def list_cells(config: Mapping[str, Any]) -> list[Cell]:
    """All (dataset, model, prompts) that experiments and figures need, each once and sorted."""
    return sorted({cell for _, cell in _iter_cells(config)})


def referenced_ids(config: Mapping[str, Any], section: str) -> list[str]:
    """The ids of section `key` (datasets, models or prompts) that are in some cell or drawn in a figure, sorted.

    A model's parts are used with it.
    """
    position = ("datasets", "models", "prompts").index(section)
    found = {cell[position] for cell in list_cells(config)}
    if section == "datasets":
        found |= {entry["dataset"] for entry in config.get("figures", {}).values() if "dataset" in entry}
    if section == "models":
        found |= {part for model in found for part in capabilities.components(config["models"][model]).values()}
    return sorted(found)


def _iter_cells(config: Mapping[str, Any]) -> Iterator[tuple[str, Cell]]:
    """Every cell, with the place in the config that asks for it."""
    for name, entry in config["experiments"].items():
        for dataset in entry["datasets"]:
            for model in entry["models"]:
                for prompts in entry["prompts"]:
                    yield f"experiments.{name}", (dataset, model, prompts)
    for name, entry in config.get("figures", {}).items():
        for side in ("spatial", "concept"):
            if side in entry:
                yield f"figures.{name}.{side}", (entry["dataset"], entry[side]["model"], entry[side]["prompts"])


# --- references between sections


def _iter_references(config: Mapping[str, Any]) -> Iterator[tuple[str, str, Iterable[str]]]:
    """(where an id stands, the section that it is from, the ids that stand there)."""
    for name, entry in config["datasets"].items():
        for role, archive in entry.get("archives", {}).items():
            yield f"datasets.{name}.archives.{role}", "archives", [archive]
    for name, entry in config["models"].items():
        if "training" in entry.get("weights", {}):
            yield f"models.{name}.weights.training", "trainings", [entry["weights"]["training"]]
        for role, part in capabilities.components(entry).items():
            yield f"models.{name}.{role}", "models", [part]
    for name, entry in config["experiments"].items():
        for section in ("datasets", "models", "prompts"):
            yield f"experiments.{name}.{section}", section, entry[section]
    for section in ("comparisons", "figures", "tables"):
        for name, entry in config[section].items():
            yield f"{section}.{name}.experiments", "experiments", entry.get("experiments", [])
            yield f"{section}.{name}.dataset", "datasets", [entry["dataset"]] if "dataset" in entry else []
            yield f"{section}.{name}.prompts", "prompts", entry.get("prompts", [])
            for side in ("spatial", "concept"):
                if side in entry:
                    yield f"{section}.{name}.{side}.model", "models", [entry[side]["model"]]
                    yield f"{section}.{name}.{side}.prompts", "prompts", [entry[side]["prompts"]]
    for name, entry in config["trainings"].items():
        sections = {
            "model": "models",
            "dataset": "datasets",
            "validation": "datasets",
            "prompts": "prompts",
            "start": "trainings",
        }
        for key in sorted(sections.keys() & entry.keys()):
            yield f"trainings.{name}.{key}", sections[key], [entry[key]]
        yield f"trainings.{name}.mix", "datasets", [each["dataset"] for each in entry.get("mix", [])]


def _check_references(config: Mapping[str, Any]) -> None:
    for where, section, names in _iter_references(config):
        for name in names:
            if name not in config[section]:
                hint = suggest(name, config[section])
                raise UserError(f"config: {where} names '{name}', which is not in {section}; {hint}")
    for name, entry in config["figures"].items():
        experiments = [config["experiments"][each] for each in entry.get("experiments", [])]
        measured = {metric for experiment in experiments for metric in experiment["metrics"]}
        for metric in entry.get("metrics", []):
            if metric not in measured:
                raise UserError(
                    f"config: figures.{name}.metrics names '{metric}', which none of its experiments measures; "
                    f"{suggest(metric, measured)}"
                )
        if "concept" in entry:
            phrase, prompts = entry["concept"]["phrase"], entry["concept"]["prompts"]
            asked = [row["phrase"] for row in config["prompts"][prompts].get("phrases", [])]
            if phrase not in asked:
                raise UserError(
                    f"config: figures.{name}.concept.phrase is '{phrase}', not in prompts.{prompts}; "
                    f"{suggest(phrase, asked)}"
                )
    for name, entry in config["trainings"].items():
        family = config["models"][entry["model"]]["family"]
        if family != entry["family"]:
            raise UserError(
                f"config: trainings.{name}.family is '{entry['family']}', but its model '{entry['model']}' is of the "
                f"family '{family}'; name one of them twice"
            )
        _check_training_start(name, config["trainings"])
        if entry["dataset"] == entry["validation"]:
            raise UserError(f"config: trainings.{name}.validation is its dataset '{entry['dataset']}'; name another")
        _check_training_mix(name, entry)
        if "prompts" in entry and config["prompts"][entry["prompts"]]["kind"] != "phrases":
            raise UserError(
                f"config: trainings.{name}.prompts names '{entry['prompts']}', which is not of kind phrases"
            )


def _check_training_mix(training: str, entry: Mapping[str, Any]) -> None:
    """The data sets of a training are different ones, and its own `dataset` keeps a share."""
    mixed = [each["dataset"] for each in entry.get("mix", [])]
    for dataset in mixed:
        if mixed.count(dataset) > 1 or dataset in (entry["dataset"], entry["validation"]):
            raise UserError(
                f"config: trainings.{training}.mix names '{dataset}', which is there already as its dataset, its "
                "validation or in mix; name each once"
            )
    total = sum(each["share"] for each in entry.get("mix", []))
    if total >= 1:
        raise UserError(
            f"config: trainings.{training}.mix has shares of {total:g} in all, which leaves none to '{entry['dataset']}'; "
            "let them be less than 1"
        )


def _check_training_start(training: str, trainings: Mapping[str, Any]) -> None:
    """A training starts from one of the same model, and no chain of starts comes back to itself."""
    seen, at = [training], training
    while "start" in trainings[at]:
        start = trainings[at]["start"]
        if trainings[start]["model"] != trainings[at]["model"]:
            raise UserError(
                f"config: trainings.{at}.start names '{start}', which trains another model; name one of its own"
            )
        if start in seen:
            raise UserError(
                f"config: trainings.{training}.start leads back to '{start}'; let one of them start from scratch"
            )
        seen, at = [*seen, start], start


# --- a file for every id, and an id for every drawing


def _check_plugins(config: Mapping[str, Any], root: Path) -> None:
    """Before all else, as a kind says which keys may stand beside it. What is no mapping yet is told by the schema."""
    for section, key, stage in (
        ("datasets", "kind", "datasets"),
        ("prompts", "kind", "prompts"),
        ("models", "family", "models"),
        ("trainings", "family", "training"),
        ("trainings", "method", "demo_models"),
    ):
        entries = config.get(section)
        for name, entry in entries.items() if isinstance(entries, Mapping) else ():
            if isinstance(entry, Mapping) and isinstance(entry.get(key), str):
                _check_plugin(root, f"{section}.{name}.{key}", entry[key], stage)


def _check_referenced_files(config: Mapping[str, Any], root: Path) -> None:
    for name in referenced_ids(config, "datasets"):
        for key in ("path", "files", "ignore"):
            value = config["datasets"][name].get(key)
            # As Snakemake reads it: where the run is started, which need not be where the workflow lies.
            if isinstance(value, str) and not Path(value).exists():
                raise UserError(
                    f"config: datasets.{name}.{key} is {value}, and nothing is there; name a path on this machine"
                    + (", or an address that starts with https://" if key == "path" else "")
                )
    for section in ("experiments", "figures"):
        for name, entry in config[section].items():
            for metric in entry.get("metrics", []):
                _check_metric(root, f"{section}.{name}.metrics", metric)
    for section in ("figures", "tables"):
        folder = Path("scripts/paper") / section
        present = {path.stem for path in (root / folder).glob("*.py") if not path.stem.startswith("_")}
        for name in config[section]:
            if name not in present:
                raise UserError(
                    f"config: {section} has the id '{name}' without its file {folder}/{name}.py; add the file, or take "
                    f"the id out ({suggest(name, present)})"
                )
        for name in sorted(present - set(config[section])):
            raise UserError(
                f"config: the file {folder}/{name}.py is without its id '{name}' in {section}; add {section}.{name}, "
                "or remove the file"
            )


def _check_metric(root: Path, key_path: str, metric: str) -> None:
    folder = Path("src/samgap/metrics")
    present = plugins.list_metrics(root / folder)
    if metric not in present:
        file = folder / f"{plugins.module_name(metric)}.py"
        raise UserError(f"config: {key_path} names '{metric}' without its file {file}; {suggest(metric, present)}")


def _check_plugin(root: Path, key_path: str, plugin: str, package: str) -> None:
    folder, present = Path("src/samgap") / package, plugins.list_plugins(root, package)
    if plugin in present:
        return
    file = folder / f"{plugins.module_name(plugin)}.py"
    if (root / file).is_file():
        raise UserError(
            f"config: {key_path} names '{plugin}', but {file} does not define `{plugins.MARKERS[package]}`; "
            f"define it, or name another: {suggest(plugin, present)}"
        )
    raise UserError(f"config: {key_path} names '{plugin}' without its file {file}; {suggest(plugin, present)}")


# --- what stands in files of its own


def _load_model_files(name: str, model: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """The model with each path of a YAML file replaced by the mapping in the file."""
    settings = {
        key: _load_yaml(f"models.{name}.{key}", model[key], root, dict) for key in MODEL_FILE_KEYS if key in model
    }
    return {**model, **settings}


def _load_prompt_files(config: Mapping[str, Any], root: Path) -> dict[str, Any]:
    """The config with the paths of YAML files in prompt sets replaced by what is in them, before it is checked."""
    prompts = config.get("prompts")
    if not isinstance(prompts, Mapping):
        return dict(config)
    found = {}
    for name, entry in prompts.items():
        keys = [key for key in PROMPT_FILE_TYPES if isinstance(entry, Mapping) and key in entry]
        read = {key: _load_yaml(f"prompts.{name}.{key}", entry[key], root, PROMPT_FILE_TYPES[key]) for key in keys}
        found[name] = {**entry, **read} if read else entry
    return {**config, "prompts": found}


def _load_yaml(key_path: str, value: Any, root: Path, expected_type: type) -> Any:
    """`value`, or where it is a path what stands in the YAML file: a list or a dict, as `kind` says."""
    if not isinstance(value, str):
        return value
    try:
        content = yaml.safe_load((root / value).read_text())
    except OSError as error:
        raise UserError(
            f"config: {key_path} names the file {value}, which cannot be read ({error.strerror})"
        ) from error
    except yaml.YAMLError as error:
        raise UserError(f"config: {key_path} names the file {value}, which is no YAML: {error}") from error
    if not isinstance(content, expected_type):
        lacks, write = ("no list", "- item") if expected_type is list else ("no keys", "key: value")
        raise UserError(f"config: {key_path} names the file {value}, which holds {lacks}; write one `{write}` a line")
    return content
