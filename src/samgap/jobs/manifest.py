"""The run's manifest: what it was made from and what came out, every file by its SHA-256. No times, so that a
repeated run gives the same manifest."""

import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from samgap.config.cells import list_cells
from samgap.io.files import read_json, sha256
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
"""The distributions whose versions decide the numbers and the pictures."""


def build_manifest(
    config: Mapping[str, Any],
    estimates_path: str | Path,
    dataset_cards: Iterable[str | Path],
    checkpoint_cards: Iterable[str | Path],
    paper_files: Iterable[str | Path],
) -> dict[str, Any]:
    """The manifest of the run that `config` describes, as JSON-ready values.

    `estimates` is the run's estimates.parquet, `datasets` and `checkpoints` are the cards (dataset.json,
    checkpoint.json), `paper` the finished files. Paths are kept as they are given; the run's other tables are looked
    for below `estimates`' grandparent, and those of data sets, models or prompts that `config` no longer uses are
    left out. Timings are left out as well: they alone differ between two runs.
    """
    run = Path(estimates_path).parent.parent
    finished = sorted(map(str, paper_files))
    return {
        "run": config["run"],
        "code": {**read_git_state(code_hash.PACKAGE_DIR), "package": package_hash()},
        "config": config,
        "environment": describe_environment(code_hash.PACKAGE_DIR.parents[1]),
        "datasets": {str(path): read_json(path) for path in sorted(map(str, dataset_cards))},
        "checkpoints": {str(path): read_json(path) for path in sorted(map(str, checkpoint_cards))},
        "tables": {str(path): sha256(path) for path in list_run_tables(run, config)},
        "paper": {path: sha256(path) for path in finished},
        "sources": {path: list_csv_sources(path, estimates_path) for path in finished if path.endswith(".csv")},
    }


def read_git_state(folder: Path) -> dict[str, Any]:
    """`commit` of the git checkout that `folder` is in and whether it is `clean`; both null outside of one."""
    commit = _run_git(folder, "rev-parse", "--verify", "HEAD")
    status = _run_git(folder, "status", "--porcelain")
    clean = None if commit is None or status is None else not status
    return {"commit": commit, "clean": clean}


def package_hash() -> str:
    """One hash over all modules of the package."""
    files = sorted(code_hash.PACKAGE_DIR.rglob("*.py"))
    parts = [file.relative_to(code_hash.PACKAGE_DIR).with_suffix("").parts for file in files]
    return code_hash.code_hash(
        *(".".join(("samgap", *(part for part in path if part != "__init__"))) for path in parts)
    )


def describe_environment(repository_root: Path) -> dict[str, Any]:
    """Python's version, those of `PACKAGES` (null where not installed) and the lock's SHA-256 (null where absent)."""
    lock = repository_root / "envs/requirements.lock"
    return {
        "python": platform.python_version(),
        "packages": {name: _package_version(name) for name in RECORDED_PACKAGES},
        "lock": sha256(lock) if lock.is_file() else None,
    }


def list_run_tables(run_folder: Path, config: Mapping[str, Any]) -> list[Path]:
    """All Parquet tables below `run` (a folder `results/<run>`) that `config` asks for, timings excepted."""
    cells = [dict(zip(("dataset", "model", "prompts"), cell, strict=True)) for cell in list_cells(config)]
    trainings = {model.get("weights", {}).get("training") for model in config["models"].values()}

    def wanted(path: Path) -> bool:
        parts = path.relative_to(run_folder).parts
        keys = _parse_hive_path(path.relative_to(run_folder))
        if "shard" in keys and int(keys.pop("shard")) >= config["datasets"].get(keys["dataset"], {}).get("shards", 0):
            return False
        if parts[0] == "training":
            return parts[1] in trainings
        return not keys or any(keys.items() <= cell.items() for cell in cells)

    return [path for path in sorted(run_folder.rglob("*.parquet")) if path.name != "timing.parquet" and wanted(path)]


def list_sources(row: Mapping[str, Any], estimates_path: str | Path) -> list[str]:
    """The Parquet tables that a row of a figure's or table's CSV came from.

    A drawn mask or prompt names them itself (column `source`, joined by `;`). A row of estimates came from
    `estimates`, and that from the pairs of its data set, model and prompts, as its provenance tells.
    """
    if isinstance(row.get("source"), str):
        return sorted(row["source"].split(";"))
    keys = ("dataset", "model", "prompts")
    if not all(key in row for key in keys):
        return []
    wanted = {key: row[key] for key in keys}
    inputs = parquet.read_provenance(estimates_path).get("inputs", {})
    return [
        str(estimates_path),
        *sorted(path for path in inputs if wanted.items() <= _parse_hive_path(Path(path)).items()),
    ]


def list_csv_sources(csv_path: str | Path, estimates_path: str | Path) -> list[str]:
    """All tables that the rows of a CSV came from (`sources`, each once)."""
    rows = pd.read_csv(csv_path)
    keys = [key for key in ("source", "dataset", "model", "prompts") if key in rows]
    distinct = rows[keys].drop_duplicates().itertuples(index=False) if keys else []
    return sorted(
        {source for row in distinct for source in list_sources(dict(zip(keys, row, strict=True)), estimates_path)}
    )


def _parse_hive_path(path: Path) -> dict[str, str]:
    """The keys in a hive path: `dataset=a/model=b/masks.parquet` gives {"dataset": "a", "model": "b"}."""
    return dict(part.split("=", 1) for part in path.parts if "=" in part)


def _package_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _run_git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
