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
from _measuring import machine, median, peak_mb

ROOT = Path(__file__).parents[1]
INSTANCES = 40
"""Instances an image."""
FALSE = 0.2
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
        print(json.dumps(once(given.config, given.images, given.resamples)))
        return
    print(f"{machine()}.\n")
    print("| images | resamples | estimates | estimate, s | compare, s | peak memory, MB | of it in resampling, MB |")
    print("|---|---|---|---|---|---|---|")
    for images, resamples in (
        (given.images, given.resamples),
        (given.images, given.resamples // 10),
        (given.images * 4, given.resamples),
    ):
        runs = [measured(given.config, images, resamples) for _ in range(given.repeats)]
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        print(
            f"| {images} | {resamples:,} | {middle['estimates']:.0f} | {middle['estimate_s']:.1f} "
            f"| {middle['compare_s']:.1f} | {middle['peak_mb']:.0f} | {middle['more_mb']:.0f} |",
            flush=True,
        )
    alternatives(given.images, given.resamples, given.repeats)


def measured(config: Path, images: int, resamples: int) -> dict[str, float]:
    asked = ["--once", "--config", str(config), "--images", str(images), "--resamples", str(resamples)]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, __file__, *asked], env={**os.environ, **threads}, check=True, stdout=-1)
    return json.loads(done.stdout)


def once(file: Path, images: int, resamples: int) -> dict[str, float]:
    from samgap.pairing import compared
    from samgap.statistics.comparisons import comparisons
    from samgap.statistics.estimates import estimates
    from samgap.statistics.strata import Cell

    config = yaml.safe_load(file.read_text())
    settings = {"resamples": resamples, "confidence": 0.95}
    datasets = {name for entry in config["experiments"].values() for name in entry["datasets"]}
    tables = {name: image_table(images) for name in datasets}
    kinds = {name: config["prompts"][name] for entry in config["experiments"].values() for name in entry["prompts"]}
    made = {name: Cell(*generated(kind, images)) for name, kind in kinds.items()}

    def cell(key: tuple[str, str, str]) -> Cell:
        return made[key[2]]

    before = peak_mb()
    start = time.process_time()
    rows = list(estimates(cell, tables, config["experiments"], settings, 42))
    middle = time.process_time()
    list(comparisons(cell, tables, compared(config), settings, 42))
    end = time.process_time()
    found = {"estimates": len(rows), "estimate_s": middle - start, "compare_s": end - middle}
    return {**found, "peak_mb": peak_mb(), "more_mb": peak_mb() - before}


def image_table(images: int) -> pd.DataFrame:
    ids = np.arange(images)
    return pd.DataFrame({"image_id": ids, "group": ids.astype(str)})


def generated(prompts: dict, images: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables `pairs` and `instances` of a prompt set: a prompt an instance, or one a phrase, at random.

    Columns that are not set here hold sums of fractions or counts over the prompt's truth, so that any metric runs.
    """
    from samgap.tables import KINDS_OF_HITS, SCHEMAS, SIZES, TAUS

    random = np.random.default_rng(0)
    phrases = [row["phrase"] for row in prompts["phrases"]] if prompts["kind"] == "phrases" else None
    each = len(phrases) if phrases else INSTANCES
    n = images * each
    truth = random.binomial(2 * INSTANCES, 0.5, n) * (random.random(n) < 0.6) if phrases else np.ones(n, int)
    prompt = np.repeat(np.arange(n), truth)
    ious = np.where(random.random(len(prompt)) < 0.8, random.beta(6, 2, len(prompt)), 0.0)
    hits = np.stack([np.bincount(prompt, ious >= tau, n) for tau in TAUS], axis=1).astype(int)
    predicted = np.bincount(prompt, ious > 0, n).astype(int) + random.poisson(FALSE * np.maximum(truth, 1))
    ids = {
        "prompt_id": np.arange(n).astype(str),
        "image_id": np.arange(n) // each,
        "group": (np.arange(n) // each).astype(str),
        "kind": np.repeat("phrase" if phrases else prompts["kind"], n),
        "phrase": np.tile(phrases, images) if phrases else np.repeat(None, n),
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
        bits = (1 << (ious[:, None] >= TAUS).sum(axis=1)) - 1
        parts = np.split(bits[ious > 0], np.cumsum(ids["n_answered"])[:-1])
        ranked = [random.permutation(np.pad(one, (0, k - len(one)))) for one, k in zip(parts, predicted, strict=True)]
        ids |= {f"hits_{kind}": ranked for kind in KINDS_OF_HITS} | {f"truth_{size}": truth for size in SIZES}
    pairs = {
        field.name: ids.get(field.name, filler(field, n, truth, hits, predicted, random)) for field in SCHEMAS["pairs"]
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
        for field in SCHEMAS["instances"]
    }
    return pd.DataFrame(pairs), pd.DataFrame(instances)


def filler(
    field: pa.Field, n: int, truth: np.ndarray, hits: np.ndarray, predicted: np.ndarray, random: np.random.Generator
):
    if pa.types.is_fixed_size_list(field.type):
        width = field.type.list_size
        return list(hits if width == hits.shape[1] else np.minimum(truth[:, None], random.integers(0, 40, (n, width))))
    if pa.types.is_floating(field.type):
        return truth * random.random(n)
    if pa.types.is_integer(field.type):
        return random.binomial(truth, 0.7)
    return np.repeat(None, n)


def alternatives(images: int, resamples: int, repeats: int) -> None:
    """One estimate, mean IoU over phrases, three ways."""
    from scipy import stats

    from samgap.statistics import bootstrap
    from samgap.statistics.clusters import clusters
    from samgap.statistics.sums import summed

    pairs, _ = generated({"kind": "phrases", "phrases": [{"phrase": str(k)} for k in range(7)]}, images)
    tables = image_table(images)

    def ours() -> None:
        (values,) = bootstrap.resampled([summed("iou", pairs, clusters(tables))], 1, "set", resamples)
        bootstrap.interval(values, images, 0.95)

    def scipys() -> None:
        sums = pairs.groupby("image_id")[["sum_iou", "n_truth"]].sum().to_numpy(float).T
        stats.bootstrap(
            tuple(sums), lambda a, b, axis: a.sum(axis) / b.sum(axis), n_resamples=resamples, paired=True,
            method="percentile", batch=1000, rng=np.random.default_rng(0),
        )  # fmt: skip

    def loop(times: int = 20) -> None:
        random = np.random.default_rng(0)
        by_image = dict(iter(pairs[["image_id", "sum_iou", "n_truth"]].groupby("image_id")))
        for _ in range(times):
            drawn = pd.concat([by_image[image] for image in random.integers(0, images, images)])
            _ = drawn["sum_iou"].sum() / drawn["n_truth"].sum()

    first = median(ours, repeats)
    second = median(scipys, repeats)
    third = median(loop, repeats) * resamples / 20
    print(f"\n| one estimate, {images} images, {resamples:,} resamples | s | ratio |\n|---|---|---|")
    print(f"| samgap | {first:.3f} | 1 |")
    print(f"| scipy.stats.bootstrap on sums by image | {second:.3f} | {second / first:.1f} |")
    print(f"| a loop over data frames (20 resamples, times {resamples // 20}) | {third:.0f} | {third / first:.0f} |")


if __name__ == "__main__":
    main()
