"""Sizes of the paired permutation test: how often it rejects equality of metrics that are equal.

    PYTHONPATH=src python benchmarks/permutation_sizes.py [--quick] [--repetitions 1500]

Two models with the same true value of a metric work at different operating points: one finds less and has fewer false
positives. A parameter of the second is chosen so that both values are equal on many images. Each repetition draws a
new sample of images, and tests the difference of both models on it. Prints the share of p-values up to 0.05 as
Markdown, with its standard error. `--quick` has few repetitions, to try the program. Takes ten minutes on two cores
that other programs use as well.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from _populations import Behaviour, ClickBehaviour, Scenes, draw_clicks, draw_pairs, draw_scenes
from _simulating import parse_arguments, print_table, standard_error
from scipy import optimize

from samgap.statistics import bootstrap
from samgap.statistics.permutation import permutation_p_value
from samgap.statistics.sums import Resampleable, summarize_metric

LEVEL = 0.05
SIZES = (5, 10, 20, 60)
N_PERMUTATIONS = 2000
CALIBRATION_IMAGES = 20_000


AnyBehaviour = Behaviour | ClickBehaviour


@dataclass(frozen=True)
class Scenario:
    """Two models with the same value of a metric."""

    metric: str
    name: str
    first: AnyBehaviour
    second: Callable[[float], AnyBehaviour]
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
    # The mean after 12 clicks is just below the target, so that samples reach it with 12 or 13.
    Scenario("upstream-clicks-85", "first click that reaches a mean IoU (`upstream-clicks-85`)",
        ClickBehaviour(rate=4.0, limit=0.887),
        lambda limit: ClickBehaviour(rate=4.0, limit=limit, noise=0.08), (0.887, 0.9)),
)  # fmt: skip


def main() -> None:
    """Parse the arguments and print the table."""
    repetitions, metric = parse_arguments(__doc__, repetitions=1500, quick_repetitions=50)
    print(
        f"{repetitions:,} repetitions; standard error of a size of 5 %: {standard_error(LEVEL, repetitions):.1f} %.\n"
    )

    def format_row(scenario: Scenario) -> Iterator[str]:
        second = calibrate(scenario)
        for n_clusters in SIZES:
            yield f"{100 * measure_size(scenario, second, n_clusters, repetitions):.1f} %"

    scenarios = [scenario for scenario in SCENARIOS if metric in (None, scenario.metric)]
    print_table("clusters", SIZES, ((scenario.name, format_row(scenario)) for scenario in scenarios))


def summarize(
    scenario: Scenario, rng: np.random.Generator, scenes: Scenes, behaviour: AnyBehaviour
) -> Resampleable | str:
    """Draw the predictions of a model, and summarize the scenario's metric; the reason if it is not evaluable."""
    is_click = isinstance(behaviour, ClickBehaviour)
    pairs = draw_clicks(rng, scenes, behaviour) if is_click else draw_pairs(rng, scenes, behaviour)
    return summarize_metric(scenario.metric, pairs, scenes.clustering)


def calibrate(scenario: Scenario) -> AnyBehaviour:
    """Return the second model, with a parameter such that both metrics are equal on `CALIBRATION_IMAGES`."""
    scenes = draw_scenes(np.random.default_rng(1), CALIBRATION_IMAGES)

    def evaluate(behaviour: AnyBehaviour, seed: int) -> float:
        summary = summarize(scenario, np.random.default_rng(seed), scenes, behaviour)
        assert not isinstance(summary, str), summary
        return bootstrap.point_estimate(summary)

    first = evaluate(scenario.first, 2)
    root = optimize.brentq(lambda value: evaluate(scenario.second(value), 3) - first, *scenario.bounds, xtol=1e-3)
    return scenario.second(float(root))


def measure_size(scenario: Scenario, second: AnyBehaviour, n_clusters: int, repetitions: int) -> float:
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
