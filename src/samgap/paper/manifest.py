"""The run's manifest: what it was made from and what came out, every file by its SHA-256. No times, so that a
repeated run gives the same manifest."""

import platform
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from samgap import code, tables
from samgap import config as configuration
from samgap.files import read_json, sha256

PACKAGES = (
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


def manifest(
    config: Mapping[str, Any],
    estimates: str | Path,
    datasets: Iterable[str | Path],
    checkpoints: Iterable[str | Path],
    paper: Iterable[str | Path],
) -> dict[str, Any]:
    """The manifest of the run that `config` describes, as JSON-ready values.

    `estimates` is the run's estimates.parquet, `datasets` and `checkpoints` are the cards (dataset.json,
    checkpoint.json), `paper` the finished files. Paths are kept as they are given; the run's other tables are looked
    for below `estimates`' grandparent, and those of data sets, models or prompts that `config` no longer uses are
    left out. Timings are left out as well: they alone differ between two runs.
    """
    run = Path(estimates).parent.parent
    finished = sorted(map(str, paper))
    return {
        "run": config["run"],
        "code": {**checkout(code.PACKAGE), "package": package_hash()},
        "config": config,
        "environment": environment(code.PACKAGE.parents[1]),
        "datasets": {str(path): read_json(path) for path in sorted(map(str, datasets))},
        "checkpoints": {str(path): read_json(path) for path in sorted(map(str, checkpoints))},
        "tables": {str(path): sha256(path) for path in run_tables(run, config)},
        "paper": {path: sha256(path) for path in finished},
        "sources": {path: sources_of_csv(path, estimates) for path in finished if path.endswith(".csv")},
    }


def checkout(folder: Path) -> dict[str, Any]:
    """`commit` of the git checkout that `folder` is in and whether it is `clean`; both null outside of one."""
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    status = _git(folder, "status", "--porcelain")
    clean = None if commit is None or status is None else not status
    return {"commit": commit, "clean": clean}


def package_hash() -> str:
    """One hash over all modules of the package."""
    files = sorted(code.PACKAGE.rglob("*.py"))
    parts = [file.relative_to(code.PACKAGE).with_suffix("").parts for file in files]
    return code.code_hash(*(".".join(("samgap", *(part for part in path if part != "__init__"))) for path in parts))


def environment(root: Path) -> dict[str, Any]:
    """Python's version, those of `PACKAGES` (null where not installed) and the lock's SHA-256 (null where absent)."""
    lock = root / "envs/requirements.lock"
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "lock": sha256(lock) if lock.is_file() else None,
    }


def run_tables(run: Path, config: Mapping[str, Any]) -> list[Path]:
    """All Parquet tables below `run` (a folder `results/<run>`) that `config` asks for, timings excepted."""
    cells = [dict(zip(("dataset", "model", "prompts"), cell, strict=True)) for cell in configuration.cells(config)]
    trainings = {model.get("weights", {}).get("training") for model in config["models"].values()}

    def wanted(path: Path) -> bool:
        parts = path.relative_to(run).parts
        keys = _hive(path.relative_to(run))
        if "shard" in keys and int(keys.pop("shard")) >= config["datasets"].get(keys["dataset"], {}).get("shards", 0):
            return False
        if parts[0] == "training":
            return parts[1] in trainings
        return not keys or any(keys.items() <= cell.items() for cell in cells)

    return [path for path in sorted(run.rglob("*.parquet")) if path.name != "timing.parquet" and wanted(path)]


def sources(row: Mapping[str, Any], estimates: str | Path) -> list[str]:
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
    inputs = tables.provenance(estimates).get("inputs", {})
    return [str(estimates), *sorted(path for path in inputs if wanted.items() <= _hive(Path(path)).items())]


def sources_of_csv(path: str | Path, estimates: str | Path) -> list[str]:
    """All tables that the rows of a CSV came from (`sources`, each once)."""
    rows = pd.read_csv(path)
    keys = [key for key in ("source", "dataset", "model", "prompts") if key in rows]
    distinct = rows[keys].drop_duplicates().itertuples(index=False) if keys else []
    return sorted({source for row in distinct for source in sources(dict(zip(keys, row, strict=True)), estimates)})


def _hive(path: Path) -> dict[str, str]:
    """The keys in a hive path: `dataset=a/model=b/masks.parquet` gives {"dataset": "a", "model": "b"}."""
    return dict(part.split("=", 1) for part in path.parts if "=" in part)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
