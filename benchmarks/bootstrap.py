"""Time and memory of all estimates of a configuration, from generated sufficient statistics.

    PYTHONPATH=src python benchmarks/bootstrap.py [--config config/config.yaml] [--images 331] [--repeats 5]

Each repeat is a separate process on one thread, with several numbers of images and resamples. For comparison, one
estimate is computed by SciPy's bootstrap and by a loop over resampled rows of a data frame. Prints medians of processor
seconds (the wall time of an idle machine) and their ratios as Markdown.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import yaml
from _measuring import describe_machine, median_cpu_seconds, peak_memory_mb

ROOT = Path(__file__).parents[1]
INSTANCES_PER_IMAGE = 40
FALSE_POSITIVES_PER_INSTANCE = 0.2


def main() -> None:
    """Parse the arguments and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "config" / "config.yaml")
    parser.add_argument("--images", type=int, default=331)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--once", action="store_true", help="one measurement, as JSON")
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(measure_once(arguments.config, arguments.images, arguments.resamples)))
        return
    print(f"{describe_machine()}.\n")
    print("| images | resamples | estimates | estimate, s | compare, s | peak memory, MB | part in resampling, MB |")
    print("|---|---|---|---|---|---|---|")
    for images, resamples in (
        (arguments.images, arguments.resamples),
        (arguments.images, arguments.resamples // 10),
        (arguments.images * 4, arguments.resamples),
    ):
        runs = [measure_in_subprocess(arguments.config, images, resamples) for _ in range(arguments.repeats)]
        medians = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        print(
            f"| {images} | {resamples:,} | {medians['estimates']:.0f} | {medians['estimate_s']:.1f} "
            f"| {medians['compare_s']:.1f} | {medians['peak_mb']:.0f} | {medians['more_mb']:.0f} |",
            flush=True,
        )
    compare_alternatives(arguments.images, arguments.resamples, arguments.repeats)


def measure_in_subprocess(config_path: Path, n_images: int, n_resamples: int) -> dict[str, float]:
    """Run `measure_once` in a separate process with one thread."""
    options = ["--once", "--config", str(config_path), "--images", str(n_images), "--resamples", str(n_resamples)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.run([sys.executable, __file__, *options], env={**os.environ, **threads}, check=True, stdout=-1)
    return json.loads(process.stdout)


def measure_once(config_path: Path, n_images: int, n_resamples: int) -> dict[str, float]:
    """Return seconds and MB of all estimates and comparisons of a configuration."""
    from samgap.config.catalogs import merge_catalogs
    from samgap.config.comparisons import expand_comparisons
    from samgap.statistics.comparisons import compute_comparisons
    from samgap.statistics.estimates import compute_estimates
    from samgap.statistics.strata import Cell

    config = merge_catalogs(yaml.safe_load(config_path.read_text(encoding="utf-8")), ROOT)
    settings = {"resamples": n_resamples, "confidence": 0.95}
    datasets = {name for entry in config["experiments"].values() for name in entry["datasets"]}
    tables = {name: make_image_table(n_images) for name in datasets}
    kinds = {name: config["prompts"][name] for entry in config["experiments"].values() for name in entry["prompts"]}
    cells = {name: Cell(*generate_tables(kind, n_images)) for name, kind in kinds.items()}

    def read_cell(key: tuple[str, str, str]) -> Cell:
        return cells[key[2]]

    initial_mb = peak_memory_mb()
    start = time.process_time()
    rows = list(compute_estimates(read_cell, tables, config["experiments"], settings, 42))
    middle = time.process_time()
    list(compute_comparisons(read_cell, tables, expand_comparisons(config), settings, 42))
    end = time.process_time()
    measurement = {"estimates": len(rows), "estimate_s": middle - start, "compare_s": end - middle}
    return {**measurement, "peak_mb": peak_memory_mb(), "more_mb": peak_memory_mb() - initial_mb}


def make_image_table(n_images: int) -> pd.DataFrame:
    """Make table `images` with one group per image."""
    ids = np.arange(n_images)
    return pd.DataFrame({"image_id": ids, "group": ids.astype(str)})


def generate_tables(prompt_set: dict, n_images: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Generate random tables `pairs` and `instances` of a prompt set, with one prompt per instance or phrase.

    The other columns are random sums of fractions or counts over the prompt's instances, so that metrics are defined.
    """
    from samgap.tables.matching import INSTANCES, IOU_THRESHOLDS, PAIRS

    rng = np.random.default_rng(0)
    phrases = [row["phrase"] for row in prompt_set["phrases"]] if prompt_set["kind"] == "phrases" else None
    prompts_per_image = len(phrases) if phrases else INSTANCES_PER_IMAGE
    n = n_images * prompts_per_image
    truth = rng.binomial(2 * INSTANCES_PER_IMAGE, 0.5, n) * (rng.random(n) < 0.6) if phrases else np.ones(n, int)
    prompt = np.repeat(np.arange(n), truth)
    ious = np.where(rng.random(len(prompt)) < 0.8, rng.beta(6, 2, len(prompt)), 0.0)
    true_positives = np.stack(
        [np.bincount(prompt, ious >= threshold, n) for threshold in IOU_THRESHOLDS], axis=1
    ).astype(int)
    predicted = np.bincount(prompt, ious > 0, n).astype(int) + rng.poisson(
        FALSE_POSITIVES_PER_INSTANCE * np.maximum(truth, 1)
    )
    ids = {
        "prompt_id": np.arange(n).astype(str),
        "image_id": np.arange(n) // prompts_per_image,
        "group": (np.arange(n) // prompts_per_image).astype(str),
        "kind": np.repeat("phrase" if phrases else prompt_set["kind"], n),
        "phrase": np.tile(phrases, n_images) if phrases else np.repeat(None, n),
        "evaluable": np.ones(n, bool),
        "boxes_only": np.zeros(n, bool),
        "n_truth": truth,
        "n_predicted": predicted,
        "n_answered": np.bincount(prompt, ious > 0, n).astype(int),
        "sum_iou": np.bincount(prompt, ious, n),
        "strata": [[("lighting", ("sun", "dusk")[k // prompts_per_image % 2])] for k in range(n)],
    }
    if phrases:
        ids |= generate_rankings(ious, predicted, ids["n_answered"], truth, rng)
    pairs = {
        field.name: ids.get(field.name, generate_column(field, n, truth, true_positives, predicted, rng))
        for field in PAIRS.schema
    }
    labels = [[("ripeness", ("ripe", "unripe")[k])] for k in rng.integers(0, 2, len(prompt))]
    rows = {
        "prompt_id": prompt.astype(str),
        "image_id": prompt // prompts_per_image,
        "truth_id": np.arange(len(prompt)),
        "iou": ious,
    }
    rows |= {"prediction_id": np.where(ious > 0, 0.0, np.nan), "attributes": labels}
    rows |= {"truth_area_px": rng.choice([500, 5000, 50_000], len(prompt)).astype(float)}
    instances = {
        field.name: rows.get(field.name, ious if pa.types.is_floating(field.type) else np.repeat(None, len(prompt)))
        for field in INSTANCES.schema
    }
    return pd.DataFrame(pairs), pd.DataFrame(instances)


def generate_rankings(
    ious: np.ndarray, n_predicted: np.ndarray, n_answered: np.ndarray, n_truth: np.ndarray, rng: np.random.Generator
) -> dict:
    """Generate the columns of scores and matches, in random order, of the predictions of phrases."""
    from samgap.tables.matching import AREA_LABELS, HIT_KINDS, IOU_THRESHOLDS

    scores = [np.sort(rng.random(k))[::-1].astype(np.float32) for k in n_predicted]
    # Bit t is set if the IoU reaches threshold t.
    bits = (1 << (ious[:, None] >= IOU_THRESHOLDS).sum(axis=1)) - 1
    parts = np.split(bits[ious > 0], np.cumsum(n_answered)[:-1])
    hits = [rng.permutation(np.pad(part, (0, k - len(part)))) for part, k in zip(parts, n_predicted, strict=True)]
    return {
        "scores": scores,
        **{f"hits_{kind}": hits for kind in HIT_KINDS},
        "excused": [np.zeros(k, bool) for k in n_predicted],
        **{f"truth_{size}": n_truth for size in AREA_LABELS},
    }


def generate_column(
    field: pa.Field,
    n_rows: int,
    n_truth: np.ndarray,
    true_positives: np.ndarray,
    n_predicted: np.ndarray,
    rng: np.random.Generator,
):
    """Generate a column that has no other values: sums, counts or nulls."""
    if pa.types.is_fixed_size_list(field.type):
        width = field.type.list_size
        return list(
            true_positives
            if width == true_positives.shape[1]
            else np.minimum(n_truth[:, None], rng.integers(0, 40, (n_rows, width)))
        )
    if pa.types.is_floating(field.type):
        return n_truth * rng.random(n_rows)
    if pa.types.is_integer(field.type):
        return rng.binomial(n_truth, 0.7)
    return np.repeat(None, n_rows)


def compare_alternatives(n_images: int, n_resamples: int, n_repeats: int) -> None:
    """Compare three ways to compute one estimate, mean IoU over phrases."""
    from scipy import stats

    from samgap.statistics import bootstrap
    from samgap.statistics.clusters import assign_clusters
    from samgap.statistics.sums import summarize_metric

    pairs, _ = generate_tables({"kind": "phrases", "phrases": [{"phrase": str(k)} for k in range(7)]}, n_images)
    tables = make_image_table(n_images)

    def estimate_with_samgap() -> None:
        (values,) = bootstrap.resample([summarize_metric("iou", pairs, assign_clusters(tables))], 1, "set", n_resamples)
        bootstrap.percentile_interval(values, n_images, 0.95)

    def estimate_with_scipy() -> None:
        sums = pairs.groupby("image_id")[["sum_iou", "n_truth"]].sum().to_numpy(float).T
        stats.bootstrap(
            tuple(sums), lambda a, b, axis: a.sum(axis) / b.sum(axis), n_resamples=n_resamples, paired=True,
            method="percentile", batch=1000, rng=np.random.default_rng(0),
        )  # fmt: skip

    def estimate_in_loop(times: int = 20) -> None:
        rng = np.random.default_rng(0)
        by_image = dict(iter(pairs[["image_id", "sum_iou", "n_truth"]].groupby("image_id")))
        for _ in range(times):
            sample = pd.concat([by_image[image] for image in rng.integers(0, n_images, n_images)])
            _ = sample["sum_iou"].sum() / sample["n_truth"].sum()

    first = median_cpu_seconds(estimate_with_samgap, n_repeats)
    second = median_cpu_seconds(estimate_with_scipy, n_repeats)
    third = median_cpu_seconds(estimate_in_loop, n_repeats) * n_resamples / 20
    print(f"\n| one estimate, {n_images} images, {n_resamples:,} resamples | s | ratio |\n|---|---|---|")
    print(f"| samgap | {first:.3f} | 1 |")
    print(f"| scipy.stats.bootstrap on sums by image | {second:.3f} | {second / first:.1f} |")
    print(f"| a loop over data frames (20 resamples, times {n_resamples // 20}) | {third:.0f} | {third / first:.0f} |")


if __name__ == "__main__":
    main()
