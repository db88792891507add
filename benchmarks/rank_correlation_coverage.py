"""Coverage of the intervals of rank correlations of prompt sets between two models.

    PYTHONPATH=src python benchmarks/rank_correlation_coverage.py [--quick] [--repetitions 300]

The true IoU of each prompt set in each model is drawn anew for each sample; both models agree about the order to some
degree. Images differ, and so do the answers to the same prompt. The prompt sets are close together, apart, or far apart
compared with these differences. Prints, by number of images, the share of intervals that contain the true rank
correlation, and the share of samples without an interval, as Markdown. Takes fifteen minutes on two cores that other
programs use as well.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from _simulating import parse_arguments, print_table, standard_error

from samgap.statistics.rank_correlations import compute_rank_correlations, spearman
from samgap.statistics.strata import Cell

SIZES = (5, 10, 20, 60)
PROMPT_SETS = (4, 6, 12)
SPREADS = (0.03, 0.1, 0.3)
"""Standard deviations of the true IoU over the prompt sets: close together, apart, far apart."""
AGREEMENT = 0.8
"""Correlation of the true IoUs of both models."""
NOISE = 0.14
"""Standard deviation of the difficulty of an image, and of the answers to it."""
SETTINGS = {"resamples": 500, "confidence": 0.95}
MODELS = ("one", "two")


def main() -> None:
    """Parse the arguments and print the table."""
    repetitions, _ = parse_arguments(__doc__, repetitions=300, quick_repetitions=10)
    n_samples = repetitions * len(SPREADS)
    error = standard_error(0.95, n_samples)
    print(f"{n_samples:,} samples; standard error of a coverage of 95 % of all of them: {error:.1f} %.\n")
    rows = ((f"{n_prompts} prompt sets", format_row(n_prompts, repetitions)) for n_prompts in PROMPT_SETS)
    print_table("images", SIZES, rows)


def format_row(n_prompts: int, repetitions: int) -> Iterator[str]:
    """Yield the coverage and the share without an interval for each number of images."""
    for n_images in SIZES:
        rng = np.random.default_rng([9, n_prompts, n_images])
        outcomes = [is_covered(rng, n_prompts, n_images, spread) for spread in SPREADS for _ in range(repetitions)]
        known = [outcome for outcome in outcomes if outcome is not None]
        missing = 100 * (1 - len(known) / len(outcomes))
        yield f"{100 * np.mean(known):.0f} % ({missing:.0f} % none)" if known else "none"


def is_covered(rng: np.random.Generator, n_prompts: int, n_images: int, spread: float) -> bool | None:
    """Draw a sample; return whether the interval contains the true rank correlation, or None without an interval."""
    covariance = [[1, AGREEMENT], [AGREEMENT, 1]]
    true_ious = 0.6 + spread * rng.multivariate_normal([0, 0], covariance, n_prompts)
    difficulty = rng.normal(0, NOISE, n_images)
    prompts = [f"p{number}" for number in range(n_prompts)]
    cells = {
        ("set", model, name): Cell(make_pairs(iou + difficulty + rng.normal(0, NOISE, n_images)))
        for column, model in enumerate(MODELS)
        for name, iou in zip(prompts, true_ious[:, column], strict=True)
    }
    images = pd.DataFrame({"image_id": np.arange(n_images), "group": np.arange(n_images).astype(str)})
    declared = {"correlation": "x", "dataset": "set", "model": "one", "other_model": "two", "metric": "iou"}
    (row,) = compute_rank_correlations(
        cells.__getitem__, {"set": images}, [{**declared, "prompts": prompts}], SETTINGS, int(rng.integers(1 << 30))
    )
    if row["ci_low"] is None:
        return None
    true_value = float(spearman(true_ious[:, :1], true_ious[:, 1:])[0])
    return bool(row["ci_low"] - 1e-9 <= true_value <= row["ci_high"] + 1e-9)


def make_pairs(ious: np.ndarray) -> pd.DataFrame:
    """Return table `pairs` of one instance for each image, as far as the metric `iou` needs it."""
    ids = np.arange(len(ious))
    fields = {"kind": "box", "phrase": None, "evaluable": True, "boxes_only": False, "lost_labels": False}
    fields |= {"n_ignored": 0, "labelled_distance": 0.0, "n_truth": 1, "n_predicted": 1, "n_answered": 1}
    return pd.DataFrame({"prompt_id": ids.astype(str), "image_id": ids, "sum_iou": ious, **fields})


if __name__ == "__main__":
    main()
