"""Jobs, bytes and time for a number of images, extrapolated from a finished run: docs/reference/scaling.md.

    PYTHONPATH=src python benchmarks/scaling.py --config FILE [--images 1000000] [--shards 999]

`FILE` is the configuration of the run, whose results are in the working directory. The times of predictions are those
of the run (table `timing`, and the benchmark files of its jobs for the overhead of a job). The others are
measured here: matching on the run's masks, resampling on its pairs and on repetitions of them, and planning with two
numbers of shards. All results are measured or are products of measurements. The output is Markdown.
"""

import argparse
import statistics
from pathlib import Path
from typing import Any

import pandas as pd
import planning
import pyarrow.parquet as pq
import yaml
from _measuring import describe_machine, median_cpu_seconds

from samgap.annotations import ground_truth
from samgap.config.catalogs import merge_catalogs
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
TIMING_COLUMNS = ["read_ms", "encode_ms", "decode_ms"]
N_RESAMPLES = 10_000
RESAMPLED_IMAGE_COUNTS = (2_000, 10_000)
PLANNED_SHARD_COUNTS = (20, 60)
"""Numbers of shards for which the planning time is measured."""
N_REPEATS = 3


def main() -> None:
    """Print the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--shards", type=int, default=999)
    args = parser.parse_args()
    config = yaml.safe_load(args.config.read_text(encoding="utf-8"))
    run = Path("results") / config["run"]
    cells = [parse_hive_path(path) for path in sorted(run.glob("matching/*/*/*/shard=000/pairs.parquet"))]
    datasets = {cell["dataset"] for cell in cells}
    images = {name: IMAGES.read(f"resources/datasets/{name}/images.parquet") for name in datasets}
    n_images = sum(map(len, images.values()))
    print(f"# {args.images:,} images\n")
    print(f"Computed by `benchmarks/scaling.py` from a run of {n_images} images ({', '.join(sorted(datasets))}), on")
    print(f"{describe_machine()} (average over 5 minutes).")
    print("Predicting is wall time, which includes waiting for other work on the machine; planning, matching and")
    print("resampling are processor time.\n")
    measure_planning(args, config)
    print_table_sizes(run, images, args)
    prediction_seconds = estimate_prediction_seconds(run, args)
    matching_seconds = estimate_matching_seconds(run, images, config, args)
    print_resampling_time(run, cells, args)
    total = format_duration(prediction_seconds + matching_seconds)
    print(
        f"\nPredictions and matching together: {total} on one process. The jobs of a stage are independent, so the time"
    )
    print("is divided by the number of processes.")


def parse_hive_path(path: Path) -> dict[str, str]:
    """Return the keys and values of the `key=value` folders of a path."""
    return dict(part.split("=", 1) for part in path.parts if "=" in part)


def format_duration(seconds: float) -> str:
    """Return a time in hours, or in seconds below one hour."""
    return f"{seconds / 3600:,.1f} h" if seconds >= 3600 else f"{seconds:,.0f} s"


def measure_planning(args: argparse.Namespace, config: dict[str, Any]) -> None:
    """Print the number of jobs, and the processor time and the memory to plan them."""
    root = Path(__file__).parents[1]
    merged = merge_catalogs(config, root)
    plans = {n_shards: planning.plan_config(root, merged, n_shards) for n_shards in PLANNED_SHARD_COUNTS}
    low, high = PLANNED_SHARD_COUNTS
    per_shard = [(many - few) / (high - low) for few, many in zip(plans[low], plans[high], strict=True)]
    total = [few + each * (args.shards - low) for few, each in zip(plans[low], per_shard, strict=True)]
    print("## Jobs\n\n| shards | jobs | processor time to plan | memory |\n|---|---|---|---|")
    for n_shards, (n_jobs, seconds, memory_mb) in plans.items():
        print(f"| {n_shards} | {n_jobs:,} | {seconds:.1f} s | {memory_mb:,.0f} MB |")
    print(f"| {args.shards} (computed) | {total[0]:,.0f} | {format_duration(total[1])} | {total[2]:,.0f} MB |\n")
    print(f"Each shard adds {per_shard[0]:.0f} jobs: one prediction and one matching job for each cell. A")
    print(f"shard has {args.images / args.shards:,.0f} images. The number of jobs depends on the shards, not on the")
    print("images.\n")


def print_table_sizes(run_folder: Path, image_tables: dict[str, pd.DataFrame], args: argparse.Namespace) -> None:
    """Print rows and bytes of each kind of table, per image and in total."""
    n_images = sum(map(len, image_tables.values()))
    print("## Bytes\n\n| table | rows per image | bytes per row | bytes per file | total |\n|---|---|---|---|---|")
    total_bytes = 0.0
    for name in TABLE_NAMES:
        paths = list(run_folder.rglob(f"{name}.parquet"))
        n_rows, data_bytes, other_bytes = sum_table_sizes(paths)
        n_shards = len({parse_hive_path(path).get("shard") for path in paths})
        n_files = args.shards * len(paths) / n_shards if name != "prompts" else len(paths)
        table_bytes = data_bytes / n_images * args.images + other_bytes / len(paths) * n_files
        total_bytes += table_bytes
        bytes_per_row = data_bytes / n_rows if n_rows else 0
        print(
            f"| {name} | {n_rows / n_images:,.1f} | {bytes_per_row:,.1f} | {other_bytes / len(paths):,.0f} "
            f"| {table_bytes / 1e9:,.1f} GB |"
        )
    print(f"| all | | | | {total_bytes / 1e9:,.1f} GB |\n")
    print(
        "Rows per image are those of all models and prompt sets of the run. Bytes per row are compressed columns; bytes"
    )
    print("per file are its schema and footer.\n")


def sum_table_sizes(paths: list[Path]) -> tuple[int, int, int]:
    """Return the rows, the bytes of compressed columns and all other bytes of Parquet files."""
    n_rows, data_bytes, other_bytes = 0, 0, 0
    for path in paths:
        metadata = pq.read_metadata(path)
        row_groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
        column_bytes = sum(
            group.column(column).total_compressed_size for group in row_groups for column in range(group.num_columns)
        )
        n_rows += metadata.num_rows
        data_bytes += column_bytes
        other_bytes += path.stat().st_size - column_bytes
    return n_rows, data_bytes, other_bytes


def estimate_prediction_seconds(run_folder: Path, args: argparse.Namespace) -> float:
    """Print and return the time of all predictions: the run's time per image, and the overhead of each job."""
    print("## Time\n\n| step | one image | overhead per job | total, one process |\n|---|---|---|---|")
    all_seconds = 0.0
    for folder in sorted(run_folder.glob("predictions/dataset=*/model=*/prompts=*")):
        paths = sorted(folder.rglob("timing.parquet"))
        timing = pd.concat([TIMING.read(path) for path in paths])
        if timing.empty:
            continue
        seconds_per_image = timing[TIMING_COLUMNS].sum(axis=1).median() / 1000
        seconds_per_job = statistics.median(read_job_overhead_seconds(run_folder, path) for path in paths)
        total = seconds_per_image * args.images + seconds_per_job * args.shards
        all_seconds += total
        cell = parse_hive_path(folder / "x")
        print(
            f"| predict {cell['model']} · {cell['prompts']} | {seconds_per_image * 1000:,.1f} ms "
            f"| {seconds_per_job:.1f} s | {format_duration(total)} |"
        )
    return all_seconds


def read_job_overhead_seconds(run_folder: Path, timing_path: Path) -> float:
    """Return the time of a prediction job minus the times of its images, in seconds."""
    keys = parse_hive_path(timing_path)
    name = "-".join(keys[key] for key in ("dataset", "model", "prompts", "shard"))
    job_seconds = pd.read_csv(run_folder / "timings" / "predict" / f"{name}.tsv", sep="\t")["s"].iloc[0]
    image_seconds = TIMING.read(timing_path)[TIMING_COLUMNS].to_numpy().sum() / 1000
    return max(job_seconds - image_seconds, 0)


def estimate_matching_seconds(
    run_folder: Path, image_tables: dict[str, pd.DataFrame], config: dict[str, Any], args: argparse.Namespace
) -> float:
    """Print and return the time of all matching, measured on the run's first shards."""
    threshold = config.get("statistics", {}).get("score-threshold", 0.5)
    all_seconds = 0.0
    for path in sorted(run_folder.glob("predictions/*/*/*/shard=000/masks.parquet")):
        cell = parse_hive_path(path)
        if parquet.read_provenance(path).get("skipped"):
            continue
        dataset = cell["dataset"]
        prompts = run_folder / f"prompts/dataset={dataset}/prompts={cell['prompts']}/prompts.parquet"
        images = image_tables[dataset].iloc[:: config["datasets"][dataset].get("shards", 1)]
        truth = ground_truth.read_ground_truth(Path(f"resources/datasets/{dataset}/instances.json"), images["image_id"])
        inputs = (MASKS.read(path), PROMPTS.read(prompts), truth, images, threshold)
        seconds_per_image = median_cpu_seconds(lambda inputs=inputs: match_shard(*inputs), N_REPEATS) / len(images)
        total = seconds_per_image * args.images
        all_seconds += total
        print(
            f"| match {cell['model']} · {cell['prompts']} | {seconds_per_image * 1000:,.1f} ms | "
            f"| {format_duration(total)} |"
        )
    return all_seconds


def print_resampling_time(run_folder: Path, cells: list[dict[str, str]], args: argparse.Namespace) -> None:
    """Print the time to resample one metric, measured on repetitions of the run's largest table of pairs."""
    folders = [
        run_folder / "matching" / "/".join(f"{key}={cell[key]}" for key in ("dataset", "model", "prompts"))
        for cell in cells
    ]
    tables = [pd.concat([PAIRS.read(path) for path in sorted(folder.rglob("pairs.parquet"))]) for folder in folders]
    pairs = max(tables, key=len)
    image_ids = pd.Index(sorted(pairs["image_id"].unique()))
    seconds = {}
    for n_images in RESAMPLED_IMAGE_COUNTS:
        n_copies = -(-n_images // len(image_ids))
        copies = pd.concat(
            [pairs.assign(image_id=pairs["image_id"] + copy * (image_ids.max() + 1)) for copy in range(n_copies)]
        )
        copied_ids = copies["image_id"].unique()
        clusters = assign_clusters(pd.DataFrame({"image_id": copied_ids, "group": copied_ids.astype(str)}))
        sums = summarize_metric("iou", copies, clusters)
        if isinstance(sums, str):
            return
        seconds[len(copied_ids)] = median_cpu_seconds(
            lambda sums=sums: bootstrap.resample([sums], 1, "set", N_RESAMPLES), N_REPEATS
        )
    (few, few_seconds), (many, many_seconds) = seconds.items()
    seconds_per_image = (many_seconds - few_seconds) / (many - few)
    total = few_seconds + seconds_per_image * (args.images - few)
    print(
        f"| resample one metric, {N_RESAMPLES:,} times | {seconds_per_image * 1000:,.2f} ms | "
        f"| {format_duration(total)} |"
    )
    print(f"\nResampling was measured with {few:,} and {many:,} images: {few_seconds:.1f} and {many_seconds:.1f} s.")
    print("One job draws the samples for all metrics of a model and prompt set.")


if __name__ == "__main__":
    main()
