"""Sizes of the paired permutation test: how often it rejects equality of metrics that are equal.

    PYTHONPATH=src python benchmarks/test_sizes.py [--quick] [--repetitions 1500]

Two models with the same true value of a metric work at different operating points: one finds less and has fewer false
positives. A parameter of the second is chosen so that both values are equal on many images. Each repetition draws a
new sample of images, and tests the difference of both models on it. Prints the share of p-values up to 0.05 as
Markdown, with its standard error. `--quick` has few repetitions, to try the program. Takes ten minutes on two cores
that other programs use as well.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from _populations import Behaviour, Scenes, draw_pairs, draw_scenes
from scipy import optimize

from samgap.statistics import bootstrap
from samgap.statistics.permutation import permutation_p_value
from samgap.statistics.sums import Resampleable, summarize_metric

LEVEL = 0.05
SIZES = (5, 10, 20, 60)
N_PERMUTATIONS = 2000
CALIBRATION_IMAGES = 20_000


@dataclass(frozen=True)
class Scenario:
    """Two models with the same value of a metric."""

    metric: str
    name: str
    first: Behaviour
    second: Callable[[float], Behaviour]
    """The second model for a value of its parameter."""
    bounds: tuple[float, float]
    """Values of the parameter between which both metrics are equal."""
    images_per_group: int = 1
    group_share: float = 0.0


FINDS_LESS = Behaviour(recall=0.6, false_rate=0.1)
FINDS_MORE = Behaviour(recall=0.8)


def vary_false_rate(behaviour: Behaviour) -> Callable[[float], Behaviour]:
    """Return the behaviour as a function of its rate of false positives."""
    return lambda rate: replace(behaviour, false_rate=rate)


SCENARIOS = (
    Scenario("precision", "ratio of means (precision)", FINDS_LESS, vary_false_rate(FINDS_MORE), (0.0, 1.0)),
    Scenario("iou", "ratio of means (IoU of all instances)", replace(FINDS_LESS, sensitivity=1.0),
        lambda recall: Behaviour(recall=recall, sensitivity=0.75), (0.5, 0.99)),
    Scenario("f1-50", "F1 at IoU 0.5", FINDS_LESS, vary_false_rate(FINDS_MORE), (0.0, 1.0)),
    Scenario("f1-50", "F1 at IoU 0.5, groups of five images", FINDS_LESS, vary_false_rate(FINDS_MORE), (0.0, 1.0),
        5, 0.5),
    Scenario("pmf1", "pmF1", FINDS_LESS, vary_false_rate(FINDS_MORE), (0.0, 1.0)),
    Scenario("il-mcc", "IL_MCC", Behaviour(sensitivity=0.98, specificity=0.7),
        lambda specificity: Behaviour(sensitivity=0.85, specificity=specificity), (0.5, 0.99)),
    Scenario("cgf1", "cgF1", replace(FINDS_LESS, sensitivity=0.98, specificity=0.8),
        vary_false_rate(replace(FINDS_MORE, sensitivity=0.9, specificity=0.95)), (0.0, 2.0)),
    Scenario("map-50", "AP at IoU 0.5", FINDS_LESS,
        lambda separation: replace(FINDS_MORE, false_rate=0.8, separation=separation), (-1.0, 6.0)),
)  # fmt: skip


def main() -> None:
    """Parse the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=1500)
    parser.add_argument("--quick", action="store_true", help="50 repetitions")
    parser.add_argument("--metric", help="only the rows of this metric")
    arguments = parser.parse_args()
    repetitions = 50 if arguments.quick else arguments.repetitions
    error = 100 * (LEVEL * (1 - LEVEL) / repetitions) ** 0.5
    print(f"{repetitions:,} repetitions; standard error of a size of 5 %: {error:.1f} %.\n")
    print(f"| clusters | {' | '.join(map(str, SIZES))} |")
    print(f"|---|{'---|' * len(SIZES)}")
    for scenario in SCENARIOS:
        if arguments.metric not in (None, scenario.metric):
            continue
        second = calibrate(scenario)
        sizes = [measure_size(scenario, second, n, repetitions) for n in SIZES]
        cells = " | ".join(f"{100 * size:.1f} %" for size in sizes)
        print(f"| {scenario.name} | {cells} |", flush=True)


def summarize(scenario: Scenario, rng: np.random.Generator, scenes: Scenes, behaviour: Behaviour) -> Resampleable | str:
    """Draw the predictions of a model, and summarize the scenario's metric; the reason if it is not evaluable."""
    return summarize_metric(scenario.metric, draw_pairs(rng, scenes, behaviour), scenes.clustering)


def calibrate(scenario: Scenario) -> Behaviour:
    """Return the second model, with a parameter such that both metrics are equal on `CALIBRATION_IMAGES`."""
    scenes = draw_scenes(np.random.default_rng(1), CALIBRATION_IMAGES)

    def evaluate(behaviour: Behaviour, seed: int) -> float:
        summary = summarize(scenario, np.random.default_rng(seed), scenes, behaviour)
        assert not isinstance(summary, str), summary
        return bootstrap.point_estimate(summary)

    first = evaluate(scenario.first, 2)
    root = optimize.brentq(lambda value: evaluate(scenario.second(value), 3) - first, *scenario.bounds, xtol=1e-3)
    return scenario.second(float(root))


def measure_size(scenario: Scenario, second: Behaviour, n_clusters: int, repetitions: int) -> float:
    """Return the share of samples of `n_clusters` in which the test rejects at `LEVEL`."""
    rng = np.random.default_rng([7, n_clusters])
    n_rejected = n_tested = 0
    for _ in range(repetitions):
        scenes = draw_scenes(rng, n_clusters, scenario.images_per_group, scenario.group_share)
        cells = [summarize(scenario, rng, scenes, behaviour) for behaviour in (scenario.first, second)]
        if any(isinstance(cell, str) for cell in cells):
            continue  # no phrase is absent from the few images
        p_value = permutation_p_value(*cells, N_PERMUTATIONS, rng)
        n_tested += p_value is not None
        n_rejected += p_value is not None and p_value <= LEVEL
    return n_rejected / n_tested


if __name__ == "__main__":
    main()
