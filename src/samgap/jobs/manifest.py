"""The manifest of a run: its code, configuration, environment, inputs and outputs, with the SHA-256 of every file.

It has no dates or times, so a repeated run gives the same manifest.
"""

import platform
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from samgap.config.cells import list_cells
from samgap.io.files import read_json, sha256
from samgap.io.packages import list_package_versions
from samgap.jobs import code_hash
from samgap.tables import parquet

RECORDED_PACKAGES = (
    "torch",
    "torchvision",
    "sam2",
    "sam3",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "pycocotools",
    "pillow",
    "matplotlib",
    "seaborn",
    "snakemake",
)
"""The distributions whose versions can change numbers or images."""


def build_manifest(
    config: Mapping[str, Any],
    estimates_path: str | Path,
    dataset_cards: Iterable[str | Path],
    checkpoint_cards: Iterable[str | Path],
    paper_files: Iterable[str | Path],
) -> dict[str, Any]:
    """Build the manifest of a finished run.

    Args:
        config: the checked configuration of the run
        estimates_path: results/<run>/statistics/estimates.parquet; the other tables are below results/<run>
        dataset_cards: the files dataset.json
        checkpoint_cards: the files checkpoint.json
        paper_files: the files of figures and tables

    Returns:
        Values that can be written as JSON. Paths are as in the arguments.
    """
    run_folder = Path(estimates_path).parent.parent
    paper_paths = sorted(map(str, paper_files))
    return {
        "run": config["run"],
        "code": {**read_git_state(code_hash.PACKAGE_DIR), "package": hash_package()},
        "config": config,
        "environment": describe_environment(code_hash.PACKAGE_DIR.parents[1]),
        "datasets": {str(path): read_json(path) for path in sorted(map(str, dataset_cards))},
        "checkpoints": {str(path): read_json(path) for path in sorted(map(str, checkpoint_cards))},
        "tables": {str(path): sha256(path) for path in list_run_tables(run_folder, config)},
        "paper": {path: sha256(path) for path in paper_paths},
        "sources": {path: list_csv_sources(path, estimates_path) for path in paper_paths if path.endswith(".csv")},
    }


def read_git_state(folder: Path) -> dict[str, Any]:
    """Return the `commit` of the git checkout that contains `folder` and whether it is `clean`; None outside of one."""
    commit = _run_git(folder, "rev-parse", "--verify", "HEAD")
    status = _run_git(folder, "status", "--porcelain")
    clean = None if commit is None or status is None else not status
    return {"commit": commit, "clean": clean}


def hash_package() -> str:
    """Hash all modules of samgap."""
    files = sorted(code_hash.PACKAGE_DIR.rglob("*.py"))
    parts = [file.relative_to(code_hash.PACKAGE_DIR).with_suffix("").parts for file in files]
    return code_hash.hash_modules(
        *(".".join(("samgap", *(part for part in path if part != "__init__"))) for path in parts)
    )


def describe_environment(repository_root: Path) -> dict[str, Any]:
    """Return the versions of Python and of RECORDED_PACKAGES, and the SHA-256 of the lock file; None if absent."""
    lock = repository_root / "envs/requirements.lock"
    return {
        "python": platform.python_version(),
        "packages": list_package_versions(RECORDED_PACKAGES),
        "lock": sha256(lock) if lock.is_file() else None,
    }


def list_run_tables(run_folder: Path, config: Mapping[str, Any]) -> list[Path]:
    """Return the Parquet tables below `run_folder` that belong to cells and trainings of `config`.

    Tables with timings are left out, because they differ between two runs.
    """
    cells = [dict(zip(("dataset", "model", "prompts"), cell, strict=True)) for cell in list_cells(config)]
    trainings = {model.get("weights", {}).get("training") for model in config["models"].values()}

    def is_in_config(path: Path) -> bool:
        parts = path.relative_to(run_folder).parts
        keys = _parse_hive_path(path.relative_to(run_folder))
        if "shard" in keys and int(keys.pop("shard")) >= config["datasets"].get(keys["dataset"], {}).get("shards", 0):
            return False
        if parts[0] == "training":
            return parts[1] in trainings
        return not keys or any(keys.items() <= cell.items() for cell in cells)

    return [
        path for path in sorted(run_folder.rglob("*.parquet")) if path.name != "timing.parquet" and is_in_config(path)
    ]


def list_sources(row: Mapping[str, Any], estimates_path: str | Path) -> list[str]:
    """Return the Parquet tables that a row of a figure's or table's CSV file was computed from.

    A row names them in its column `source`, separated by `;`; none if it is empty. Without the column, a row with an
    estimate comes from the table `estimates` and from the tables `pairs` of its cell, which the provenance of
    `estimates` lists.
    """
    if "source" in row:
        return sorted(row["source"].split(";")) if isinstance(row["source"], str) else []
    keys = ("dataset", "model", "prompts")
    if not all(key in row for key in keys):
        return []
    cell = {key: row[key] for key in keys}
    inputs = parquet.read_provenance(estimates_path).get("inputs", {})
    return [
        str(estimates_path),
        *sorted(path for path in inputs if cell.items() <= _parse_hive_path(Path(path)).items()),
    ]


def list_csv_sources(csv_path: str | Path, estimates_path: str | Path) -> list[str]:
    """Return the tables that the rows of a CSV file were computed from (`list_sources`), each once and sorted."""
    rows = pd.read_csv(csv_path)
    keys = [key for key in ("source", "dataset", "model", "prompts") if key in rows]
    distinct = rows[keys].drop_duplicates().itertuples(index=False) if keys else []
    return sorted(
        {source for row in distinct for source in list_sources(dict(zip(keys, row, strict=True)), estimates_path)}
    )


def _parse_hive_path(path: Path) -> dict[str, str]:
    """Return the keys of a hive path: `dataset=a/model=b/masks.parquet` gives {"dataset": "a", "model": "b"}."""
    return dict(part.split("=", 1) for part in path.parts if "=" in part)


def _run_git(folder: Path, *arguments: str) -> str | None:
    try:
        process = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return process.stdout.strip()
