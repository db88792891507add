"""What a number of images would take, from the rates of a finished run: jobs, bytes and time, as Markdown.

    PYTHONPATH=src python benchmarks/scaling.py --config FILE [--images 1000000] [--shards 999]

`FILE` is the configuration of the run, finished in this folder. Predictions are timed by the run itself (table
`timing`, and the benchmark files of its jobs for what a job costs beside its images). Measuring is timed here, on the
run's own masks, and so are resampling, on its own pairs and on repetitions of them, and planning, with two numbers of
shards. Nothing is put in that was not measured; what is multiplied is told.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import yaml
from _measuring import describe_machine, median_cpu_seconds

from samgap.annotations import ground_truth
from samgap.matching.shard import match_shard
from samgap.statistics import bootstrap
from samgap.statistics.clusters import assign_clusters
from samgap.statistics.sums import summarize_metric
from samgap.tables import parquet
from samgap.tables.images import IMAGES
from samgap.tables.matching import PAIRS
from samgap.tables.predictions import MASKS, TIMING
from samgap.tables.prompts import PROMPTS

TABLE_NAMES = ("prompts", "masks", "overlaps", "instances", "pairs")
N_RESAMPLES = 10_000
PLANNED_SHARD_COUNTS = (20, 60)
"""Numbers of shards that are planned, for what one more shard costs."""
N_REPEATS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=999)
    given = parser.parse_args()
    config = yaml.safe_load(given.config.read_text())
    run = Path("results") / config["run"]
    cells = [parse_hive_path(path) for path in sorted(run.glob("metrics/*/*/*/shard=000/pairs.parquet"))]
    datasets = {cell["dataset"] for cell in cells}
    images = {name: IMAGES.read(f"resources/datasets/{name}/images.parquet") for name in datasets}
    number = sum(map(len, images.values()))
    print(f"# {given.images:,} images\n")
    print(f"Computed by `benchmarks/scaling.py` from a run of {number} images ({', '.join(sorted(datasets))}), on")
    print(f"{describe_machine()} (over 5 minutes, of processes that wanted a core).")
    print("Predicting and planning are wall time, which other work on the machine makes longer; measuring and")
    print("resampling are processor time of one thread.\n")
    measure_planning(given, config)
    print_table_sizes(run, images, given)
    spent = estimate_prediction_seconds(run, given) + estimate_matching_seconds(run, images, config, given)
    print_resampling_time(run, images, cells, given)
    print(
        f"\nPredictions and measuring together: {format_duration(spent)} on one process; the jobs of a stage share nothing, so"
    )
    print("as many processes as there are divide it.")


def parse_hive_path(path: Path) -> dict[str, str]:
    return dict(part.split("=", 1) for part in path.parts if "=" in part)


def format_duration(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} h" if seconds >= 3600 else f"{seconds:,.0f} s"


def measure_planning(args: argparse.Namespace, config: dict[str, Any]) -> None:
    """How many jobs there are, and how long it takes to plan them."""
    jobs, spent = {}, {}
    for shards in PLANNED_SHARD_COUNTS:
        changed = {**config, "run": f"plan-{shards}"}
        changed["datasets"] = {name: {**entry, "shards": shards} for name, entry in config["datasets"].items()}
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            yaml.safe_dump(changed, file)
            command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--configfile", file.name]
            start = time.perf_counter()
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            spent[shards] = time.perf_counter() - start
        jobs[shards] = int(re.findall(r"^total\s+(\d+)", told, re.MULTILINE)[-1])
    low, high = PLANNED_SHARD_COUNTS
    each, planning = (jobs[high] - jobs[low]) // (high - low), (spent[high] - spent[low]) / (high - low)
    total = jobs[low] + each * (args.shards - low)
    print("## Jobs\n\n| shards | jobs | time to plan |\n|---|---|---|")
    for shards in PLANNED_SHARD_COUNTS:
        print(f"| {shards} | {jobs[shards]:,} | {spent[shards]:.1f} s |")
    print(
        f"| {args.shards} (computed) | {total:,} | {format_duration(spent[low] + planning * (args.shards - low))} |\n"
    )
    print(
        f"{each} more jobs a shard: a prediction and a measuring for each cell of model and prompts. A shard then has"
    )
    print(f"{args.images / args.shards:,.0f} images. The number of jobs depends on shards alone, never on images.\n")


def print_table_sizes(run_folder: Path, image_tables: dict[str, pd.DataFrame], args: argparse.Namespace) -> None:
    """Rows and bytes of every kind of table, an image and in all."""
    rows, data, rest, files = (defaultdict(int) for _ in range(4))
    for name in TABLE_NAMES:
        for path in run_folder.rglob(f"{name}.parquet"):
            metadata = pq.read_metadata(path)
            groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
            packed = sum(group.column(k).total_compressed_size for group in groups for k in range(group.num_columns))
            rows[name] += metadata.num_rows
            data[name] += packed
            rest[name] += path.stat().st_size - packed
            files[name] += 1
    number = sum(map(len, image_tables.values()))
    print("## Bytes\n\n| table | rows an image | bytes a row | and a file | in all |\n|---|---|---|---|---|")
    total = 0.0
    for name in TABLE_NAMES:
        shards = len({parse_hive_path(path).get("shard") for path in run_folder.rglob(f"{name}.parquet")})
        then = args.shards * files[name] / shards if name != "prompts" else files[name]
        bytes_ = data[name] / number * args.images + rest[name] / files[name] * then
        total += bytes_
        each = data[name] / rows[name] if rows[name] else 0
        print(
            f"| {name} | {rows[name] / number:,.1f} | {each:,.1f} | {rest[name] / files[name]:,.0f} "
            f"| {bytes_ / 1e9:,.1f} GB |"
        )
    print(f"| together | | | | {total / 1e9:,.1f} GB |\n")
    print(
        "Rows an image are of all cells of the run together. Bytes a row are compressed columns; a file's own are its"
    )
    print("schema and footer.\n")


def estimate_prediction_seconds(run_folder: Path, args: argparse.Namespace) -> float:
    """Seconds of all predictions: images by the run's own timing, and what each job costs beside them."""
    print("## Time\n\n| step | one image | one job beside its images | in all, one process |\n|---|---|---|---|")
    spent = 0.0
    for folder in sorted(run_folder.glob("predictions/dataset=*/model=*/prompts=*")):
        timing = pd.concat([TIMING.read(path) for path in sorted(folder.rglob("timing.parquet"))])
        if timing.empty:
            continue
        each = timing[["read_ms", "encode_ms", "decode_ms"]].sum(axis=1).median() / 1000
        cell, beside = parse_hive_path(folder / "x"), []
        for path in sorted(folder.rglob("timing.parquet")):
            name = "-".join(parse_hive_path(path)[key] for key in ("dataset", "model", "prompts", "shard"))
            job = pd.read_csv(run_folder / "timings" / "predict" / f"{name}.tsv", sep="\t")["s"].iloc[0]
            own = TIMING.read(path)[["read_ms", "encode_ms", "decode_ms"]].to_numpy().sum() / 1000
            beside.append(max(job - own, 0))
        once = statistics.median(beside)
        whole = each * args.images + once * args.shards
        spent += whole
        print(
            f"| predict {cell['model']} · {cell['prompts']} | {each * 1000:,.1f} ms | {once:.1f} s | {format_duration(whole)} |"
        )
    return spent


def estimate_matching_seconds(
    run_folder: Path, image_tables: dict[str, pd.DataFrame], config: dict[str, Any], args: argparse.Namespace
) -> float:
    """Seconds of all measuring, timed on the run's first shards."""
    threshold = config.get("statistics", {}).get("score-threshold", 0.5)
    spent = 0.0
    for path in sorted(run_folder.glob("predictions/*/*/*/shard=000/masks.parquet")):
        cell = parse_hive_path(path)
        if parquet.read_provenance(path).get("skipped"):
            continue
        asked = run_folder / f"prompts/dataset={cell['dataset']}/prompts={cell['prompts']}/prompts.parquet"
        mine = image_tables[cell["dataset"]].iloc[:: config["datasets"][cell["dataset"]].get("shards", 1)]
        known = ground_truth.read_ground_truth(
            Path(f"resources/datasets/{cell['dataset']}/instances.json"), mine["image_id"]
        )
        given_to = (MASKS.read(path), PROMPTS.read(asked), known, mine, threshold)
        each = median_cpu_seconds(lambda given_to=given_to: match_shard(*given_to), N_REPEATS) / len(mine)
        spent += each * args.images
        print(
            f"| measure {cell['model']} · {cell['prompts']} | {each * 1000:,.1f} ms | | {format_duration(each * args.images)} |"
        )
    return spent


def print_resampling_time(
    run_folder: Path, image_tables: dict[str, pd.DataFrame], cells: list[dict[str, str]], args: argparse.Namespace
) -> None:
    """Seconds of the bootstrap of one cell and metric, for repetitions of the run's largest cell."""
    folders = [
        run_folder / "matching" / "/".join(f"{key}={cell[key]}" for key in ("dataset", "model", "prompts"))
        for cell in cells
    ]
    pairs = max(
        (pd.concat([PAIRS.read(path) for path in sorted(each.rglob("pairs.parquet"))]) for each in folders),
        key=len,
    )
    ids = pd.Index(sorted(pairs["image_id"].unique()))
    times = {}
    for number in (2_000, 10_000):
        copies = -(-number // len(ids))
        many = pd.concat(
            [pairs.assign(image_id=pairs["image_id"] + place * (ids.max() + 1)) for place in range(copies)]
        )
        known = many["image_id"].unique()
        groups = assign_clusters(pd.DataFrame({"image_id": known, "group": known.astype(str)}))
        part = summarize_metric("iou", many, groups)
        if isinstance(part, str):
            return
        times[len(known)] = median_cpu_seconds(
            lambda part=part: bootstrap.resample([part], 1, "set", N_RESAMPLES), N_REPEATS
        )
    (few, short), (more, long) = times.items()
    each = (long - short) / (more - few)
    whole = short + each * (args.images - few)
    print(f"| resample one cell, {N_RESAMPLES:,} times | {each * 1000:,.2f} ms | | {format_duration(whole)} |")
    print(f"\nResampling was timed with {few:,} and {more:,} images: {short:.1f} and {long:.1f} s.")
    print("The draws are one job's, for all metrics of a cell at once.")


if __name__ == "__main__":
    main()
