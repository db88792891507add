"""Coverage of the 95 % intervals: how often they contain the true value, for every kind of metric.

    PYTHONPATH=src python benchmarks/interval_coverage.py [--quick] [--repetitions 1000]

The true value is that of many images. Each repetition draws a new sample of images and computes the interval as the
stage `statistics` does. Prints the share of intervals that contain the true value as Markdown, with the share of
samples that have no interval in brackets, and the share for the plain percentile interval. `--quick` has few
repetitions, to try the program. Takes ten minutes on a core that other programs use as well.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from _populations import Behaviour, Scenes, draw_clicks, draw_pairs, draw_scenes
from _simulating import parse_arguments, print_table, standard_error

from samgap.statistics import bootstrap
from samgap.statistics.intervals import compute_interval
from samgap.statistics.sums import Resampleable, summarize_metric

CONFIDENCE = 0.95
SIZES = (5, 10, 20, 60)
GROUPS = (4, 5, 7, 9, 20)
MANY_IMAGES = (120, 200, 500)
MANY_IMAGES_ROWS = (
    "rare misses of whole images (`recall`)",
    "the same among more misses (`recall`)",
    "SD of equal wordings",
)
"""Rows whose coverage falls with the number of images."""
N_RESAMPLES = 2000
RANKED_PART = 0.5
"""Part of the repetitions that metrics with a ranking get, which take longer."""
PARAPHRASES = ("apple", "apple fruit", "fruit", "thing")


@dataclass(frozen=True)
class Row:
    """A row of the table: a metric in a population."""

    metric: str
    name: str
    behaviour: Behaviour = field(default_factory=Behaviour)
    baseline: Behaviour | None = None
    """The value is the difference to this model."""
    is_unpaired: bool = False
    """Whether the baseline is on other images, twice as many."""
    scene_options: dict[str, Any] = field(default_factory=dict)
    draw: Callable[[np.random.Generator, Scenes], pd.DataFrame] | None = None
    """Draws table `pairs` in place of a behaviour."""
    is_ranked: bool = False


RARE = Behaviour(recall=0.985, false_rate=0.005, sensitivity=0.99, specificity=0.98)
MORE_MISSES = replace(RARE, recall=0.95)
WORDINGS = {"phrases": PARAPHRASES, "are_paraphrases": True}
UNEQUAL, EQUAL = (Behaviour(recall_by_phrase=recalls) for recalls in ((0.75, 0.7, 0.65, 0.5), (0.7,) * 4))
ROWS = (
    Row("iou", "weighted mean (`iou`)"),
    Row("precision", "share (`precision`)"),
    Row("f1-50", "F1 (`f1-50`)"),
    Row("pmf1", "pmF1 (`pmf1`)"),
    Row("il-mcc", "correlation (`il-mcc`)"),
    Row("cgf1", "`cgf1`"),
    Row("map", "average precision (`map`)", is_ranked=True),
    Row("map-50", "average precision (`map-50`)", is_ranked=True),
    Row("count-error", "mean without an upper limit (`count-error`)"),
    Row("count-error-bias", "signed mean (`count-error-bias`)"),
    Row("open-vocabulary-f1-gap", "difference of phrases (`open-vocabulary-f1-gap`)"),
    Row("upstream-pooled-f1", "minimum of sums (`upstream-pooled-f1`)", Behaviour(false_rate=0.29)),
    Row("upstream-clicks-85", "first click (`upstream-clicks-85`)", draw=draw_clicks),
    Row("presence-accuracy", "share near 1 (`presence-accuracy`)", Behaviour(sensitivity=0.97, specificity=0.95)),
    Row("presence-accuracy", "share of 98.6 % (`presence-accuracy`)", RARE),
    Row("false-alarms", "rare event of 2 % (`false-alarms`)", RARE),
    Row("precision", "share of 99.4 % (`precision`)", RARE),
    Row("recall", "rare misses of whole images (`recall`)", RARE),
    Row("recall", "the same among more misses (`recall`)", MORE_MISSES),
    Row("il-mcc", "correlation with rare errors (`il-mcc`)", RARE),
    Row("cgf1", "`cgf1` with rare errors", RARE),
    Row("prompt-sensitivity-mean", "mean over wordings", UNEQUAL, scene_options=WORDINGS),
    Row("prompt-sensitivity-worst", "worst of unequal wordings", UNEQUAL, scene_options=WORDINGS),
    Row("prompt-sensitivity-worst", "worst of equal wordings", EQUAL, scene_options=WORDINGS),
    Row("prompt-sensitivity-sd", "SD of unequal wordings", UNEQUAL, scene_options=WORDINGS),
    Row("prompt-sensitivity-sd", "SD of equal wordings", EQUAL, scene_options=WORDINGS),
    Row("calibration", "`calibration`"),
    Row("calibration", "`calibration`, true value 0", Behaviour(is_calibrated=True)),
    Row("f1-50", "difference of two models (`f1-50`)", Behaviour(recall=0.8), Behaviour(recall=0.6, false_rate=0.1)),
    Row(
        "f1-50",
        "difference of two data sets (`f1-50`)",
        Behaviour(recall=0.8),
        Behaviour(recall=0.6, false_rate=0.1),
        True,
    ),
    Row("precision", "difference of rare errors (`precision`)", RARE, Behaviour(0.97, 0.01, 0.99, 0.98)),
)


def main() -> None:
    """Parse the arguments and print the tables."""
    repetitions, metric = parse_arguments(__doc__, repetitions=600, quick_repetitions=40)
    ranked = round(RANKED_PART * repetitions)
    errors = [standard_error(CONFIDENCE, number) for number in (repetitions, ranked)]
    print(
        f"{repetitions:,} repetitions ({ranked:,} of average precision); standard error of a coverage of 95 %: "
        f"{errors[0]:.1f} % ({errors[1]:.1f} %).\n"
    )
    if metric:
        print_coverage("metric", [row for row in ROWS if row.metric == metric], SIZES, repetitions)
        return
    print_coverage("metric", ROWS, SIZES, repetitions)
    print()
    rows = [row for row in ROWS if row.name in MANY_IMAGES_ROWS]
    print_coverage("many images", rows, MANY_IMAGES, repetitions)
    print()
    shares = {"independent images": 0.0, "images alike": 0.3, "images very much alike": 0.8}
    rows = [Row("f1-50", name, scene_options={"group_share": share}) for name, share in shares.items()]
    print_coverage("`f1-50` by groups of ten images", rows, GROUPS, repetitions, images_per_group=10)


def print_coverage(
    title: str, rows: Sequence[Row], sizes: tuple[int, ...], repetitions: int, images_per_group: int = 1
) -> None:
    """Print the coverage of each row for each number of clusters."""

    def format_row(row: Row) -> Iterator[str]:
        n = round(RANKED_PART * repetitions) if row.is_ranked else repetitions
        truth = true_value(row)
        for size in sizes:
            yield format_coverage(*measure(row, truth, size, n, images_per_group))

    print_table(title, sizes, ((row.name, format_row(row)) for row in rows))


def draw_sides(
    row: Row, rng: np.random.Generator, n_groups: int, images_per_group: int = 1
) -> tuple[Scenes, list[Resampleable]]:
    """Draw a sample, and summarize the row's metric; two summaries for a difference. Empty if it is not evaluable."""
    options = dict(row.scene_options)
    group_share = options.pop("group_share", 0.0)
    scenes = draw_scenes(rng, n_groups, images_per_group, group_share, **options)
    draws = [row.draw] if row.draw else [
        partial(draw_pairs, behaviour=behaviour, **options) for behaviour in (row.behaviour, row.baseline) if behaviour
    ]  # fmt: skip
    others = draw_scenes(rng, 2 * n_groups, images_per_group, group_share, **options) if row.is_unpaired else scenes
    samples = list(zip(draws, (scenes, others), strict=False))
    summaries = [summarize_metric(row.metric, draw(rng, sample), sample.clustering) for draw, sample in samples]
    known = [summary for summary in summaries if not isinstance(summary, str)]
    return scenes, known if len(known) == len(summaries) else []


def true_value(row: Row) -> float:
    """Return the value of many images; exactly 0 where that is the limit."""
    if row.metric == "calibration" and row.behaviour.is_calibrated:
        return 0.0
    if row.metric == "prompt-sensitivity-sd" and row.behaviour is EQUAL:
        return 0.0
    _, sides = draw_sides(row, np.random.default_rng(99), 5_000 if row.is_ranked else 40_000)
    return subtract([bootstrap.point_estimate(side) for side in sides])


def subtract(values: list[Any]) -> Any:
    """Return the only value, or the difference of two."""
    return values[0] if len(values) == 1 else values[0] - values[1]


def measure(
    row: Row, truth: float, n_clusters: int, repetitions: int, images_per_group: int
) -> tuple[float, float, float]:
    """Return the coverage, the share of samples without an interval, and the coverage of the percentile interval."""
    rng = np.random.default_rng([11, n_clusters])
    covered: list[bool] = []
    covered_by_percentiles: list[bool] = []
    for repetition in range(repetitions):
        scenes, sides = draw_sides(row, rng, n_clusters, images_per_group)
        if not sides or any(np.isnan(bootstrap.point_estimate(side)) or side.n_clusters < 2 for side in sides):
            continue
        if row.is_unpaired:
            draws = subtract(
                [
                    bootstrap.resample([side], repetition, name, N_RESAMPLES)[0]
                    for side, name in zip(sides, "ab", strict=True)
                ]
            )
        else:
            draws = subtract(bootstrap.resample(sides, repetition, "sample", N_RESAMPLES))
        clusterings = [scenes.clustering] * len(sides)
        interval = compute_interval(draws, sides, clusterings, CONFIDENCE, is_paired=not row.is_unpaired)
        if interval.low is not None and interval.high is not None:
            covered.append(interval.low <= truth <= interval.high)
        ends = np.nanquantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        covered_by_percentiles.append(bool(ends[0] <= truth <= ends[1]))
    coverage = float(np.mean(covered)) if len(covered) > repetitions / 20 else float("nan")
    return coverage, 1 - len(covered) / repetitions, float(np.mean(covered_by_percentiles))


def format_coverage(coverage: float, share_without: float, by_percentiles: float) -> str:
    """Format a cell: the coverage, the share without an interval, and that of the plain percentile interval."""
    text = "none" if np.isnan(coverage) else f"{100 * coverage:.0f} %"
    if not np.isnan(coverage) and share_without >= 0.005:
        text += f" ({100 * share_without:.0f} % none)"
    return f"{text}; {100 * by_percentiles:.0f} %"


if __name__ == "__main__":
    main()
