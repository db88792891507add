"""Sizes of the tests of strata, of two data sets, and of equivalence: how often they reject a true hypothesis.

    PYTHONPATH=src python benchmarks/comparison_sizes.py [--quick] [--repetitions 1000] [--metric f1-50]

The models and metrics are those of permutation_sizes.py. Strata: two models with equal metrics on different instances
of the same images; 40 % of these have no instance of the second stratum. Data sets: the same on different images, of
which the second data set has twice as many. Equivalence: the true difference of two models is the margin, so that they
are just not equivalent, for paired values and for two data sets. Prints the shares of p-values up to 0.05 as Markdown.
In brackets is the share of samples without a test, as fewer than `MIN_TESTED_CLUSTERS` clusters carry one of the
values.
`--quick` has few repetitions, to try the program. Takes twenty minutes on two cores that other programs use as well.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
from _populations import Scenes, draw_pairs, draw_scenes
from _simulating import parse_arguments, print_table, standard_error
from permutation_sizes import (
    CALIBRATION_IMAGES,
    LEVEL,
    N_PERMUTATIONS,
    SCENARIOS,
    SIZES,
    AnyBehaviour,
    Scenario,
    calibrate,
    summarize,
)

from samgap.statistics import bootstrap, equivalence, jackknife, unpaired
from samgap.statistics.clusters import MIN_TESTED_CLUSTERS
from samgap.statistics.permutation import permutation_p_value
from samgap.statistics.sums import Resampleable, summarize_metric

METRICS = ("precision", "iou", "f1-50", "cgf1")
RANKED_METRICS = ("map-50",)
"""Metrics of two data sets alone: with the others, the test of paired values is that of permutation_sizes.py."""
SIZES_OF_STRATA = (12, 20, 60)
"""Numbers of images; with fewer than twelve there is no test."""
ABSENT_SHARE = 0.4
"""Share of the images without instances of the second stratum."""
WORSE_RECALL = 0.25
"""By how much the second model finds less than the first, in the simulations of equivalence."""

Test = Callable[[Scenario, np.random.Generator, int, AnyBehaviour], float | None]
"""Draws a sample of some number of clusters, with the behaviour of the second value, and returns its p-value."""


def main() -> None:
    """Parse the arguments and print the tables."""
    repetitions, metric = parse_arguments(__doc__, repetitions=1000, quick_repetitions=50)
    print(
        f"{repetitions:,} repetitions; standard error of a size of 5 %: {standard_error(LEVEL, repetitions):.1f} %.\n"
    )
    for title, metrics, test in (
        ("strata of the same images", METRICS, test_strata),
        ("images of the first of two data sets", METRICS + RANKED_METRICS, test_datasets),
    ):
        scenarios = select_scenarios(metrics, metric)
        rows = (
            (each.name, format_sizes(each, calibrate(each), test, repetitions, SIZES_OF_STRATA)) for each in scenarios
        )
        print_table(title, SIZES_OF_STRATA, rows)
        print()
    for title, is_paired in (("equivalence of paired values", True), ("equivalence of two data sets", False)):
        scenarios = select_scenarios(METRICS, metric)
        print_table(title, SIZES, ((each.name, format_equivalence(each, is_paired, repetitions)) for each in scenarios))
        print()


def select_scenarios(metrics: tuple[str, ...], metric: str | None) -> list[Scenario]:
    """Return the scenarios of these metrics without groups, or of the given one alone."""
    return [
        each
        for each in SCENARIOS
        if each.metric in metrics and metric in (None, each.metric) and each.images_per_group == 1
    ]


def format_sizes(
    scenario: Scenario, second: AnyBehaviour, test: Test, repetitions: int, sizes: tuple[int, ...] = SIZES
) -> Iterator[str]:
    """Yield the share of p-values up to `LEVEL` for each number of clusters."""
    for n_clusters in sizes:
        rng = np.random.default_rng([8, n_clusters])
        p_values = [test(scenario, rng, n_clusters, second) for _ in range(repetitions)]
        tested = np.array([p_value for p_value in p_values if p_value is not None])
        if len(tested) < repetitions / 20:
            yield "none"
            continue
        share_without = 1 - len(tested) / repetitions
        without = f" ({100 * share_without:.0f} % none)" if share_without >= 0.005 else ""
        yield f"{100 * (tested <= LEVEL).mean():.1f} %{without}"


def test_strata(scenario: Scenario, rng: np.random.Generator, n_clusters: int, second: AnyBehaviour) -> float | None:
    """Test two strata of the same images."""
    scenes, others = draw_scenes(rng, n_clusters), draw_scenes(rng, n_clusters)
    others = replace(others, difficulty=scenes.difficulty)
    pairs = draw_pairs(rng, scenes, scenario.first), draw_pairs(rng, others, second)
    is_absent = rng.random(n_clusters) < ABSENT_SHARE
    rows = pairs[0], pairs[1][~is_absent[pairs[1]["image_id"]]]
    sides = [summarize_metric(scenario.metric, each, scenes.clustering) for each in rows]
    first, other = sides
    if isinstance(first, str) or isinstance(other, str) or not have_test([first, other]):
        return None
    return permutation_p_value(first, other, N_PERMUTATIONS, rng)


def test_datasets(scenario: Scenario, rng: np.random.Generator, n_clusters: int, second: AnyBehaviour) -> float | None:
    """Test two data sets."""
    sides = draw_sides(scenario, rng, (draw_scenes(rng, n_clusters), draw_scenes(rng, 2 * n_clusters)), second)
    if not sides or not have_test(sides):
        return None
    return unpaired.permutation_p_value(*map(jackknife.pseudo_values, sides), N_PERMUTATIONS, rng)


def have_test(sides: list[Resampleable]) -> bool:
    """Return whether two strata or data sets have a test."""
    return min(side.n_clusters for side in sides) >= MIN_TESTED_CLUSTERS


def format_equivalence(scenario: Scenario, is_paired: bool, repetitions: int) -> Iterator[str]:
    """Yield the sizes of the test of equivalence whose margin is the true difference."""
    second = replace(scenario.first, recall=scenario.first.recall - WORSE_RECALL, sensitivity=0.8)
    scenes = draw_scenes(np.random.default_rng(1), CALIBRATION_IMAGES)
    values = []
    for seed, behaviour in enumerate((scenario.first, second)):
        side = summarize(scenario, np.random.default_rng(seed), scenes, behaviour)
        assert not isinstance(side, str), side
        values.append(bootstrap.point_estimate(side))
    margin = abs(values[0] - values[1])

    def test(scenario: Scenario, rng: np.random.Generator, n_clusters: int, second: AnyBehaviour) -> float | None:
        first_scenes = draw_scenes(rng, n_clusters)
        second_scenes = first_scenes if is_paired else draw_scenes(rng, 2 * n_clusters)
        sides = draw_sides(scenario, rng, (first_scenes, second_scenes), second)
        if not sides or not (is_paired or have_test(sides)):
            return None
        if is_paired:
            return equivalence.paired_p_value(jackknife.pseudo_values(*sides), margin, N_PERMUTATIONS, rng)
        samples = map(jackknife.pseudo_values, sides)
        return equivalence.unpaired_p_value(*samples, margin, N_PERMUTATIONS, rng)

    return format_sizes(scenario, second, test, repetitions)


def draw_sides(
    scenario: Scenario, rng: np.random.Generator, scenes: tuple[Scenes, Scenes], second: AnyBehaviour
) -> list[Resampleable]:
    """Draw both values of a difference; none if one is not evaluable, as no phrase is absent from the few images."""
    behaviours = scenario.first, second
    sides = [summarize(scenario, rng, each, behaviour) for each, behaviour in zip(scenes, behaviours, strict=True)]
    return [side for side in sides if not isinstance(side, str)] if not any(map(is_reason, sides)) else []


def is_reason(side: Resampleable | str) -> bool:
    """Return whether a value is the reason why there is none."""
    return isinstance(side, str)


if __name__ == "__main__":
    main()
