"""What a run cost: hours, GPU hours, the idle share of the GPU and the peak memory of its jobs, by rule.

The numbers come from the benchmark files that Snakemake writes for each job (results/<run>/timings/<rule>/<job>.tsv,
the last attempt of a job) and, for predictions, from the table `timing`, which has the device and the model's time.
"""

import csv
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from samgap.io.files import read_json_object
from samgap.paper import grid
from samgap.tables.predictions import TIMING

COLUMNS = [
    "rule",
    "jobs",
    "hours",
    "longest job",
    "processor hours",
    "GPU hours",
    "GPU idle",
    "peak memory",
    "median memory",
]
REMARKS = [
    "Hours: the sum of the jobs' wall times, as if they ran one after the other. GPU hours: those of jobs that "
    "computed on a GPU. GPU idle: the share of them in which no model computed, which is the start of Python and of "
    "the model, reading of images, and writing; of trainings it is not measured. Memory is the resident memory of a "
    "job.",
    "Only jobs that have ended count, and of each its last attempt. The time in a queue is not known. "
    "With `slurm-efficiency-report: true` in the profile, a cluster with accounting adds a CSV file with the share of "
    "the requested cores and memory that each job used.",
]
NOT_MEASURED = "not measured"
MODEL_TIMES_MS = ["encode_ms", "decode_ms"]


@dataclass(frozen=True)
class JobCost:
    """The cost of one job; `gpu_busy_s` is the time in which its model computed on a GPU, None if it is not known."""

    rule: str
    wall_s: float
    cpu_s: float | None
    peak_memory_mb: float | None
    on_gpu: bool = False
    gpu_busy_s: float | None = None


def read_job_costs(run_folder: Path) -> list[JobCost]:
    """Return the costs of the finished jobs of a run, sorted by rule and job."""
    timings = {_name_prediction(path): path for path in run_folder.glob("predictions/*/*/*/*/timing.parquet")}
    costs = []
    for path in sorted(run_folder.glob("timings/*/*.tsv")):
        rule = path.parent.name
        with open(path, encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream, delimiter="\t"))
        if not rows:
            continue
        on_gpu, busy_s = False, None
        if rule == "predict" and path.stem in timings:
            on_gpu, busy_s = _measure_model(TIMING.read(timings[path.stem]))
        elif rule == "train":
            card = read_json_object(run_folder / "training" / path.stem / "checkpoint.json")
            on_gpu = card.get("device") == "cuda"
        row = rows[-1]
        costs.append(
            JobCost(rule, float(row["s"]), _to_number(row["cpu_time"]), _to_number(row["max_rss"]), on_gpu, busy_s)
        )
    return costs


def build_costs(run: str, costs: Iterable[JobCost]) -> grid.PaperTable:
    """Return the costs as a table with a row for each rule and one for all."""
    by_rule: dict[str, list[JobCost]] = {}
    for cost in costs:
        by_rule.setdefault(cost.rule, []).append(cost)
    rows = [_make_row(rule, jobs) for rule, jobs in sorted(by_rule.items())]
    rows.append(_make_row("all", [job for jobs in by_rule.values() for job in jobs]))
    block = grid.Block("Hours and memory of the finished jobs", COLUMNS, 1, rows)
    return grid.PaperTable("costs", f"Costs of the run {run}", [block], remarks=REMARKS)


def _make_row(rule: str, jobs: Sequence[JobCost]) -> list[grid.Cell]:
    on_gpu = [job for job in jobs if job.on_gpu]
    memory = [job.peak_memory_mb for job in jobs if job.peak_memory_mb is not None]
    texts = [
        rule,
        f"{len(jobs):,}",
        _format_hours(sum(job.wall_s for job in jobs)),
        _format_hours(max((job.wall_s for job in jobs), default=0)),
        _format_hours(sum(job.cpu_s or 0 for job in jobs)),
        _format_hours(sum(job.wall_s for job in on_gpu)),
        _format_idle_share(on_gpu),
        f"{max(memory):,.0f} MB" if memory else NOT_MEASURED,
        f"{statistics.median(memory):,.0f} MB" if memory else NOT_MEASURED,
    ]
    return [grid.Cell(text) for text in texts]


def _format_hours(seconds: float) -> str:
    return f"{seconds / 3600:.3g}" if seconds else "0"


def _format_idle_share(on_gpu: Sequence[JobCost]) -> str:
    """Return the share of the GPU hours in which no model computed, of the jobs of which it is known."""
    known = [(job.wall_s, job.gpu_busy_s) for job in on_gpu if job.gpu_busy_s is not None]
    if not known:
        return NOT_MEASURED if on_gpu else "–"
    wall_s, busy_s = (sum(values) for values in zip(*known, strict=True))
    return f"{max(0.0, 1 - busy_s / wall_s):.0%}"


def _measure_model(timing: pd.DataFrame) -> tuple[bool, float | None]:
    """Return whether a prediction ran on a GPU, and for how many seconds its model computed there."""
    on_gpu = timing[timing["device"] == "cuda"]
    return bool(len(on_gpu)), float(on_gpu[MODEL_TIMES_MS].to_numpy().sum()) / 1000 if len(on_gpu) else None


def _name_prediction(timing_path: Path) -> str:
    """Return the name of a prediction's benchmark file without its suffix."""
    keys: Mapping[str, str] = dict(part.split("=", 1) for part in timing_path.parts if "=" in part)
    return "-".join(keys[key] for key in ("dataset", "model", "prompts", "shard"))


def _to_number(text: str | None) -> float | None:
    """Return a number of a benchmark file; None for a job that was too short to be measured (`-` or `NA`)."""
    try:
        return float(text or "")
    except ValueError:
        return None
