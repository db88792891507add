"""How long all estimates of a configuration take, and how much memory, from generated sufficient statistics.

    PYTHONPATH=src python benchmarks/bootstrap.py [--config config/config.yaml] [--images 331] [--repeats 5]

Each repeat is a process of its own, on one thread: first with the images asked for, then with fewer and more images
and resamples, to see what grows. Beside it: SciPy's bootstrap and a loop over resampled rows of a data frame, on one
estimate. Medians of processor seconds (wall time on an idle machine, and not more on a busy one), and their ratios, are
printed as Markdown.
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
"""Instances an image."""
FALSE_POSITIVES_PER_INSTANCE = 0.2
"""False masks for each instance."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=ROOT / "config" / "config.yaml")
    parser.add_argument("--images", type=int, default=331)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--once", action="store_true", help="one measurement, as JSON")
    given = parser.parse_args()
    if given.once:
        print(json.dumps(measure_once(given.config, given.images, given.resamples)))
        return
    print(f"{describe_machine()}.\n")
    print("| images | resamples | estimates | estimate, s | compare, s | peak memory, MB | of it in resampling, MB |")
    print("|---|---|---|---|---|---|---|")
    for images, resamples in (
        (given.images, given.resamples),
        (given.images, given.resamples // 10),
        (given.images * 4, given.resamples),
    ):
        runs = [measure_in_subprocess(given.config, images, resamples) for _ in range(given.repeats)]
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        print(
            f"| {images} | {resamples:,} | {middle['estimates']:.0f} | {middle['estimate_s']:.1f} "
            f"| {middle['compare_s']:.1f} | {middle['peak_mb']:.0f} | {middle['more_mb']:.0f} |",
            flush=True,
        )
    compare_alternatives(given.images, given.resamples, given.repeats)


def measure_in_subprocess(config_path: Path, n_images: int, n_resamples: int) -> dict[str, float]:
    asked = ["--once", "--config", str(config_path), "--images", str(n_images), "--resamples", str(n_resamples)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, __file__, *asked], env={**os.environ, **threads}, check=True, stdout=-1)
    return json.loads(done.stdout)


def measure_once(config_path: Path, n_images: int, n_resamples: int) -> dict[str, float]:
    from samgap.config.catalogs import merge_catalogs
    from samgap.config.comparisons import expand_comparisons
    from samgap.statistics.comparisons import compute_comparisons
    from samgap.statistics.estimates import compute_estimates
    from samgap.statistics.strata import Cell

    config = merge_catalogs(yaml.safe_load(config_path.read_text()), ROOT)
    settings = {"resamples": n_resamples, "confidence": 0.95}
    datasets = {name for entry in config["experiments"].values() for name in entry["datasets"]}
    tables = {name: make_image_table(n_images) for name in datasets}
    kinds = {name: config["prompts"][name] for entry in config["experiments"].values() for name in entry["prompts"]}
    made = {name: Cell(*generate_tables(kind, n_images)) for name, kind in kinds.items()}

    def cell(key: tuple[str, str, str]) -> Cell:
        return made[key[2]]

    before = peak_memory_mb()
    start = time.process_time()
    rows = list(compute_estimates(cell, tables, config["experiments"], settings, 42))
    middle = time.process_time()
    list(compute_comparisons(cell, tables, expand_comparisons(config), settings, 42))
    end = time.process_time()
    found = {"estimates": len(rows), "estimate_s": middle - start, "compare_s": end - middle}
    return {**found, "peak_mb": peak_memory_mb(), "more_mb": peak_memory_mb() - before}


def make_image_table(n_images: int) -> pd.DataFrame:
    ids = np.arange(n_images)
    return pd.DataFrame({"image_id": ids, "group": ids.astype(str)})


def generate_tables(prompt_set: dict, n_images: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables `pairs` and `instances` of a prompt set: a prompt an instance, or one a phrase, at random.

    Columns that are not set here hold sums of fractions or counts over the prompt's truth, so that any metric runs.
    """
    from samgap.tables.matching import AREA_LABELS, HIT_KINDS, INSTANCES, IOU_THRESHOLDS, PAIRS

    random = np.random.default_rng(0)
    phrases = [row["phrase"] for row in prompt_set["phrases"]] if prompt_set["kind"] == "phrases" else None
    each = len(phrases) if phrases else INSTANCES_PER_IMAGE
    n = n_images * each
    truth = random.binomial(2 * INSTANCES_PER_IMAGE, 0.5, n) * (random.random(n) < 0.6) if phrases else np.ones(n, int)
    prompt = np.repeat(np.arange(n), truth)
    ious = np.where(random.random(len(prompt)) < 0.8, random.beta(6, 2, len(prompt)), 0.0)
    hits = np.stack([np.bincount(prompt, ious >= tau, n) for tau in IOU_THRESHOLDS], axis=1).astype(int)
    predicted = np.bincount(prompt, ious > 0, n).astype(int) + random.poisson(
        FALSE_POSITIVES_PER_INSTANCE * np.maximum(truth, 1)
    )
    ids = {
        "prompt_id": np.arange(n).astype(str),
        "image_id": np.arange(n) // each,
        "group": (np.arange(n) // each).astype(str),
        "kind": np.repeat("phrase" if phrases else prompt_set["kind"], n),
        "phrase": np.tile(phrases, n_images) if phrases else np.repeat(None, n),
        "evaluable": np.ones(n, bool),
        "boxes_only": np.zeros(n, bool),
        "n_truth": truth,
        "n_predicted": predicted,
        "n_answered": np.bincount(prompt, ious > 0, n).astype(int),
        "sum_iou": np.bincount(prompt, ious, n),
        "strata": [[("lighting", ("sun", "dusk")[k // each % 2])] for k in range(n)],
    }
    if phrases:
        ids["scores"] = [np.sort(random.random(k))[::-1].astype(np.float32) for k in predicted]
        # What the predictions hit, in any order: bit t is set where the IoU reaches threshold t.
        bits = (1 << (ious[:, None] >= IOU_THRESHOLDS).sum(axis=1)) - 1
        parts = np.split(bits[ious > 0], np.cumsum(ids["n_answered"])[:-1])
        ranked = [random.permutation(np.pad(one, (0, k - len(one)))) for one, k in zip(parts, predicted, strict=True)]
        ids |= {f"hits_{kind}": ranked for kind in HIT_KINDS} | {f"truth_{size}": truth for size in AREA_LABELS}
    pairs = {
        field.name: ids.get(field.name, generate_column(field, n, truth, hits, predicted, random))
        for field in PAIRS.schema
    }
    labels = [[("ripeness", ("ripe", "unripe")[k])] for k in random.integers(0, 2, len(prompt))]
    rows = {
        "prompt_id": prompt.astype(str),
        "image_id": prompt // each,
        "truth_id": np.arange(len(prompt)),
        "iou": ious,
    }
    rows |= {"prediction_id": np.where(ious > 0, 0.0, np.nan), "attributes": labels}
    rows |= {"truth_area_px": random.choice([500, 5000, 50_000], len(prompt)).astype(float)}
    instances = {
        field.name: rows.get(field.name, ious if pa.types.is_floating(field.type) else np.repeat(None, len(prompt)))
        for field in INSTANCES.schema
    }
    return pd.DataFrame(pairs), pd.DataFrame(instances)


def generate_column(
    field: pa.Field,
    n_rows: int,
    n_truth: np.ndarray,
    true_positives: np.ndarray,
    n_predicted: np.ndarray,
    rng: np.random.Generator,
):
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
    """One estimate, mean IoU over phrases, three ways."""
    from scipy import stats

    from samgap.statistics import bootstrap
    from samgap.statistics.clusters import assign_clusters
    from samgap.statistics.sums import summarize_metric

    pairs, _ = generate_tables({"kind": "phrases", "phrases": [{"phrase": str(k)} for k in range(7)]}, n_images)
    tables = make_image_table(n_images)

    def ours() -> None:
        (values,) = bootstrap.resample([summarize_metric("iou", pairs, assign_clusters(tables))], 1, "set", n_resamples)
        bootstrap.percentile_interval(values, n_images, 0.95)

    def scipys() -> None:
        sums = pairs.groupby("image_id")[["sum_iou", "n_truth"]].sum().to_numpy(float).T
        stats.bootstrap(
            tuple(sums), lambda a, b, axis: a.sum(axis) / b.sum(axis), n_resamples=n_resamples, paired=True,
            method="percentile", batch=1000, rng=np.random.default_rng(0),
        )  # fmt: skip

    def loop(times: int = 20) -> None:
        random = np.random.default_rng(0)
        by_image = dict(iter(pairs[["image_id", "sum_iou", "n_truth"]].groupby("image_id")))
        for _ in range(times):
            drawn = pd.concat([by_image[image] for image in random.integers(0, n_images, n_images)])
            _ = drawn["sum_iou"].sum() / drawn["n_truth"].sum()

    first = median_cpu_seconds(ours, n_repeats)
    second = median_cpu_seconds(scipys, n_repeats)
    third = median_cpu_seconds(loop, n_repeats) * n_resamples / 20
    print(f"\n| one estimate, {n_images} images, {n_resamples:,} resamples | s | ratio |\n|---|---|---|")
    print(f"| samgap | {first:.3f} | 1 |")
    print(f"| scipy.stats.bootstrap on sums by image | {second:.3f} | {second / first:.1f} |")
    print(f"| a loop over data frames (20 resamples, times {n_resamples // 20}) | {third:.0f} | {third / first:.0f} |")


if __name__ == "__main__":
    main()
