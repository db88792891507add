"""Comparisons: differences between cells, strata and data sets with intervals and tests, the rows of `comparisons`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from samgap.statistics import bootstrap, paired
from samgap.statistics.attainable import Arrangements, explain_unattainable
from samgap.statistics.clusters import Clustering, assign_clusters
from samgap.statistics.compared_values import ComparedPair, ComparedValues, Value, list_cell_keys
from samgap.statistics.differences import Difference, join_coverage
from samgap.statistics.equivalence import describe_outcome
from samgap.statistics.estimates import CellKey, Row, describe_lost_labels
from samgap.statistics.strata import Cell
from samgap.statistics.sums import LabelCoverage, Resampleable

KEY_COLUMNS = (
    *("comparison", "dataset", "model", "prompts"),
    *("baseline_dataset", "baseline_model", "baseline_prompts"),
)
VALUE_COLUMNS = (
    *("value", "baseline_value", "difference", "ci_low", "ci_high", "p_value", "p_holm", "p_bonferroni", "p_t_test"),
    *("margin", "p_equivalence", "p_equivalence_holm", "outcome"),
    *("effect_size", "effect_low", "effect_high", "minimum_detectable"),
)

TestedRow = tuple[Row, Arrangements]
"""A row, and the arrangements that its permutation test can use."""


def compute_comparisons(
    read_cell: Callable[[CellKey], Cell],
    images_by_dataset: Mapping[str, pd.DataFrame],
    declared_pairs: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[Row]:
    """Yield the rows of table `comparisons`: by comparison, then by data set, then in the order of the declared pairs.

    A difference is the candidate minus its baseline. Its interval uses the resamples of table `estimates`.
    p-values are corrected within a comparison: over its data sets, pairs, strata and metrics that have a p-value.

    Args:
        read_cell: Reads a cell, with its table `instances` if strata of instances are compared.
        images_by_dataset: Tables `images`.
        declared_pairs: Pairs as `samgap.config.comparisons.expand_comparisons` returns them.
        settings: Section `statistics` of the configuration: `resamples` and `confidence`.
        seed: Seed of resamples and permutations.
    """
    datasets = dict.fromkeys(key[0] for pair in declared_pairs for key in list_cell_keys(pair))
    clusterings = {dataset: assign_clusters(images_by_dataset[dataset]) for dataset in datasets}
    compared = ComparedValues(read_cell, clusterings, declared_pairs)
    resampleables = {value: side for value, side in compared.summaries.items() if not isinstance(side, str)}
    draws: dict[Value, np.ndarray] = {}
    for dataset in datasets:
        values = [value for value in resampleables if value.cell[0] == dataset]
        sides = [resampleables[value] for value in values]
        draws |= dict(zip(values, bootstrap.resample(sides, seed, dataset, settings["resamples"]), strict=True))
    comparisons = dict.fromkeys(pair["comparison"] for pair in declared_pairs)
    rows: dict[str, list[TestedRow]] = {comparison: [] for comparison in comparisons}
    for pair in sorted(compared.pairs, key=lambda pair: list(datasets).index(pair.candidate.cell[0])):
        row = _empty_row(pair, clusterings)
        reason = _missing_value_reason(pair, compared)
        if reason:
            row |= {"note": reason, "warning": describe_lost_labels(0, len(pair.candidate.left_out))}
            rows[row["comparison"]].append((row, Arrangements.of_swaps(0)))
            continue
        difference = _subtract(pair, resampleables, clusterings, draws[pair.candidate] - draws[pair.baseline])
        names = dict.fromkeys([pair.candidate.cell[0], pair.baseline.cell[0]])
        row |= difference.describe(settings, bootstrap.seeded_generator(seed, "swaps", *names))
        rows[row["comparison"]].append((row, difference.arrangements))
    for family in rows.values():
        _correct_p_values([(row, tested) for row, tested in family if row["p_value"] is not None], settings)
        yield from (row for row, _ in family)


def _subtract(
    pair: ComparedPair,
    resampleables: Mapping[Value, Resampleable],
    clusterings: Mapping[str, Clustering],
    draws: np.ndarray,
) -> Difference:
    first, second = (value.cell[0] for value in (pair.candidate, pair.baseline))
    return Difference(
        resampleables[pair.candidate],
        resampleables[pair.baseline],
        (clusterings[first], clusterings[second]),
        is_one_dataset=first == second,
        draws=draws,
        margin=pair.declared["margins"].get(pair.candidate.metric),
        n_left_out=len(pair.candidate.left_out),
        is_one_stratum=pair.candidate.stratum == pair.baseline.stratum,
    )


def _missing_value_reason(pair: ComparedPair, compared: ComparedValues) -> str | None:
    """Return why one of the two cells has no value, with its model and prompt set; a skipped cell has priority."""
    reasons = []
    for value in (pair.candidate, pair.baseline):
        summary, (_, model, prompts) = compared.summaries[value], value.cell
        if isinstance(summary, str):
            reasons.append(f"{summary} ({model}, {prompts})")
    return min(reasons, key=lambda reason: not reason.startswith("skipped"), default=None)


def _correct_p_values(tested_rows: list[TestedRow], settings: Mapping[str, Any]) -> None:
    """Add the corrected p-values, the outcomes, the size of the family and warnings to the rows of one family."""
    rows, level = [row for row, _ in tested_rows], 1 - settings["confidence"]
    p_values = [row["p_value"] for row in rows]
    corrected = zip(rows, paired.holm(p_values), paired.bonferroni(p_values), strict=True)
    for row, holm, bonferroni in corrected:
        row |= {"p_holm": holm, "p_bonferroni": bonferroni, "n_tests": len(rows)}
    equivalences = [(row, tested.one_sided) for row, tested in tested_rows if row["p_equivalence"] is not None]
    for (row, _), holm in zip(
        equivalences, paired.holm([row["p_equivalence"] for row, _ in equivalences]), strict=True
    ):
        row["p_equivalence_holm"] = holm
    for row in rows:
        row["outcome"] = describe_outcome(row["p_holm"], row["p_equivalence_holm"], level)
    for tests, conclusion in ((tested_rows, "significant"), (equivalences, "equivalent")):
        arrangements = [arrangements for _, arrangements in tests]
        reasons = explain_unattainable(arrangements, settings["resamples"], level, conclusion)
        for (row, _), reason in zip(tests, reasons, strict=True):
            row["warning"] = "; ".join(text for text in (row["warning"], reason) if text) or None


def _empty_row(pair: ComparedPair, clusterings: Mapping[str, Clustering]) -> Row:
    keys = {name: pair.declared[name] for name in KEY_COLUMNS}
    keys |= {"metric": pair.candidate.metric, "stratum": pair.candidate.stratum}
    keys |= {"baseline_stratum": pair.baseline.stratum, "pairing": None}
    margin = pair.declared["margins"].get(pair.candidate.metric)
    counts = dict.fromkeys(("n_tests", "n_clusters", "n_clusters_total", "n_instances", "baseline_n_instances"), 0)
    kinds = dict.fromkeys(clusterings[value.cell[0]].kind for value in (pair.candidate, pair.baseline))
    texts = {"clusters": " or ".join(kinds), "warning": None, "note": None, "undefined_resamples": None}
    coverage = join_coverage(LabelCoverage(), LabelCoverage())
    return {**keys, **dict.fromkeys(VALUE_COLUMNS), "margin": margin, **counts, **texts, **coverage}
