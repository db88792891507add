"""Comparisons: differences between cells of one data set with intervals and tests, the rows of table `comparisons`."""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from samgap.metrics import load_metric
from samgap.statistics import bootstrap, jackknife, paired
from samgap.statistics.attainable import explain_unattainable
from samgap.statistics.clusters import Clustering, assign_clusters
from samgap.statistics.estimates import UNDEFINED_NOTE, CellKey, Row, describe_lost_labels, interval_columns
from samgap.statistics.intervals import compute_interval, missing_inference_reason
from samgap.statistics.permutation import permutation_p_value
from samgap.statistics.strata import STRATUM_ALL, Cell
from samgap.statistics.sums import LabelCoverage, Resampleable, select_lost, summarize_metric

KEY_COLUMNS = ("comparison", "dataset", "model", "prompts", "baseline_model", "baseline_prompts")
VALUE_COLUMNS = (
    *("value", "baseline_value", "difference", "ci_low", "ci_high", "p_value", "p_holm", "p_bonferroni", "p_t_test"),
    *("effect_size", "effect_low", "effect_high", "minimum_detectable"),
)

TestedRow = tuple[Row, int]
"""A row, and the number of clusters that carry one of both values, which its permutation test swaps."""
Value = tuple[CellKey, str, frozenset[int]]
"""Cell, metric, and the ids of the images that are left out."""
NO_IMAGES: frozenset[int] = frozenset()
LostPairs = frozenset[tuple[int, str]]
"""Image and phrase of the prompts that do not count, because labels that they depend on were lost."""


def compute_comparisons(
    read_cell: Callable[[CellKey], Cell],
    images_by_dataset: Mapping[str, pd.DataFrame],
    declared_pairs: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[Row]:
    """Yield the rows of table `comparisons`, in the order of the declared pairs.

    A difference is the candidate cell minus its baseline. Its interval uses the resamples of table `estimates`.
    p-values are corrected within a comparison: over its data sets, pairs of cells and metrics that have a p-value.

    Args:
        read_cell: Reads a cell.
        images_by_dataset: Tables `images`.
        declared_pairs: Pairs of cells, each with `KEY_COLUMNS` and `metrics`.
        settings: Section `statistics` of the configuration: `resamples` and `confidence`.
        seed: Seed of resamples and permutations.
    """
    rows: list[TestedRow] = []
    for dataset in dict.fromkeys(pair["dataset"] for pair in declared_pairs):
        dataset_pairs = [pair for pair in declared_pairs if pair["dataset"] == dataset]
        clustering = assign_clusters(images_by_dataset[dataset])
        rows += _compare_dataset(read_cell, clustering, dataset_pairs, settings, seed)
    for comparison in dict.fromkeys(pair["comparison"] for pair in declared_pairs):
        family = [(row, n_swapped) for row, n_swapped in rows if row["comparison"] == comparison]
        _correct_p_values([(row, n_swapped) for row, n_swapped in family if row["p_value"] is not None], settings)
        yield from (row for row, _ in family)


def _compare_dataset(
    read_cell: Callable[[CellKey], Cell],
    clustering: Clustering,
    declared_pairs: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Any],
    seed: int,
) -> Iterator[TestedRow]:
    summaries, lost = _summarize_cells(read_cell, clustering, declared_pairs)
    values_by_pair = _find_values(lost, declared_pairs)
    values = set(itertools.chain.from_iterable(values_by_pair))
    summaries |= _summarize_common_images(read_cell, clustering, values - summaries.keys())
    dataset = declared_pairs[0]["dataset"]
    resampleables = {
        value: summary for value, summary in summaries.items() if value in values and not isinstance(summary, str)
    }
    resampled = bootstrap.resample(list(resampleables.values()), seed, dataset, settings["resamples"])
    draws = dict(zip(resampleables, resampled, strict=True))
    remaining_values = iter(values_by_pair)
    for pair in declared_pairs:
        for metric in pair["metrics"]:
            candidate, baseline = next(remaining_values)
            row = _empty_row({name: pair[name] for name in KEY_COLUMNS}, metric, clustering)
            reason = _missing_value_reason(summaries, candidate, baseline)
            if reason:
                yield row | {"note": reason, "warning": describe_lost_labels(0, len(candidate[2]))}, 0
                continue
            first, second = resampleables[candidate], resampleables[baseline]
            row |= _compare_pair(
                first,
                second,
                draws[candidate] - draws[baseline],
                clustering,
                settings,
                bootstrap.seeded_generator(seed, "swaps", dataset),
                len(candidate[2]),
            )
            yield row, int((first.has_data | second.has_data).sum())


def _cell_keys(pair: Mapping[str, Any]) -> tuple[CellKey, CellKey]:
    return (
        (pair["dataset"], pair["model"], pair["prompts"]),
        (pair["dataset"], pair["baseline_model"], pair["baseline_prompts"]),
    )


def _summarize_cells(
    read_cell: Callable[[CellKey], Cell], clustering: Clustering, declared_pairs: Sequence[Mapping[str, Any]]
) -> tuple[dict[Value, Resampleable | str], dict[tuple[CellKey, str], LostPairs]]:
    """Summarize each compared cell and metric for resampling, or give the reason why not. Read each cell once."""
    metrics_by_cell: dict[CellKey, dict[str, None]] = {}
    for pair in declared_pairs:
        for key in _cell_keys(pair):
            metrics_by_cell.setdefault(key, {}).update(dict.fromkeys(pair["metrics"]))
    summaries: dict[Value, Resampleable | str] = {}
    lost: dict[tuple[CellKey, str], LostPairs] = {}
    for key, metrics in metrics_by_cell.items():
        cell = read_cell(key)
        for metric in metrics:
            summaries[key, metric, NO_IMAGES] = (
                f"skipped: {cell.skip_reason}"
                if cell.skip_reason
                else summarize_metric(metric, cell.pairs, clustering, cell.exhaustive)
            )
            rows = cell.pairs[select_lost(load_metric(metric), cell.pairs)]
            lost[key, metric] = frozenset(zip(rows["image_id"], rows["phrase"], strict=True))
    return summaries, lost


def _find_values(
    lost: Mapping[tuple[CellKey, str], LostPairs], declared_pairs: Sequence[Mapping[str, Any]]
) -> list[tuple[Value, Value]]:
    """Return the two values of each row. They are of the same images, where the lost labels differ.

    Two cells with the same prompts lose the same pairs of image and phrase. Where they differ, as those of phrases and
    boxes do, both leave out every image with such a pair.
    """
    values = []
    for pair in declared_pairs:
        candidate, baseline = _cell_keys(pair)
        for metric in pair["metrics"]:
            first, second = lost[candidate, metric], lost[baseline, metric]
            left_out = NO_IMAGES if first == second else frozenset(image for image, _ in first | second)
            values.append(((candidate, metric, left_out), (baseline, metric, left_out)))
    return values


def _summarize_common_images(
    read_cell: Callable[[CellKey], Cell], clustering: Clustering, values: Collection[Value]
) -> dict[Value, Resampleable | str]:
    """Summarize values that leave out images, as `_summarize_cells` does."""
    summaries: dict[Value, Resampleable | str] = {}
    for key in sorted({value[0] for value in values}):
        cell = read_cell(key)
        for value in (value for value in values if value[0] == key):
            pairs = cell.pairs[~cell.pairs["image_id"].isin(value[2])]
            summaries[value] = (
                f"skipped: {cell.skip_reason}"
                if cell.skip_reason
                else summarize_metric(value[1], pairs, clustering, cell.exhaustive)
            )
    return summaries


def _missing_value_reason(
    summaries: Mapping[Value, Resampleable | str], candidate: Value, baseline: Value
) -> str | None:
    """Return why one of the two cells has no value, with its model and prompt set; a skipped cell has priority."""
    reasons = []
    for value in (candidate, baseline):
        summary, (_, model, prompts) = summaries[value], value[0]
        if isinstance(summary, str):
            reasons.append(f"{summary} ({model}, {prompts})")
    return min(reasons, key=lambda reason: not reason.startswith("skipped"), default=None)


def _compare_pair(
    candidate: Resampleable,
    baseline: Resampleable,
    differences: np.ndarray,
    clustering: Clustering,
    settings: Mapping[str, Any],
    rng: np.random.Generator,
    n_left_out: int,
) -> Row:
    """Return the columns of a difference, of which both values leave out `n_left_out` images with lost labels."""
    sides = [candidate, baseline]
    counts = {
        "n_clusters": min(side.n_clusters for side in sides),
        "n_clusters_total": max(side.n_clusters_total for side in sides),
        "n_instances": candidate.n_instances,
        "baseline_n_instances": baseline.n_instances,
    }
    value, baseline_value = (bootstrap.point_estimate(side) for side in sides)
    if np.isnan(value) or np.isnan(baseline_value):
        return {**counts, "note": UNDEFINED_NOTE, "warning": describe_lost_labels(0, n_left_out)}
    interval = compute_interval(differences, sides, clustering, settings["confidence"])
    return {
        **counts,
        "value": value,
        "baseline_value": baseline_value,
        "difference": value - baseline_value,
        **interval_columns(interval, max(side.n_lost for side in sides), n_left_out),
        **_test_pair(candidate, baseline, clustering, settings, rng),
        **_join_coverage(candidate.coverage, baseline.coverage),
    }


def _test_pair(
    candidate: Resampleable,
    baseline: Resampleable,
    clustering: Clustering,
    settings: Mapping[str, Any],
    rng: np.random.Generator,
) -> Row:
    """Return the columns of the tests of a difference; none if the values rest on too few clusters for a test.

    Metrics of steps have neither t-test nor effect size: their pseudo-values do not show their spread.
    """
    if missing_inference_reason([candidate, baseline], clustering):
        return {}
    differences = jackknife.pseudo_values(candidate, baseline)
    has_steps = candidate.metric.has_steps or baseline.metric.has_steps
    t_test = asdict(paired.TTest() if has_steps else paired.t_test(differences, settings["confidence"]))
    p_value = permutation_p_value(candidate, baseline, settings["resamples"], rng)
    return {"p_value": p_value, "p_t_test": t_test.pop("p_value"), **t_test}


def _join_coverage(candidate: LabelCoverage, baseline: LabelCoverage) -> Row:
    """Return the columns of both values; the distance is that of their data set."""
    return {
        **asdict(candidate),
        "baseline_lacks_labels": baseline.lacks_labels,
        "baseline_n_left_out": baseline.n_left_out,
    }


def _correct_p_values(tested_rows: list[TestedRow], settings: Mapping[str, Any]) -> None:
    """Add the corrected p-values, the size of the family and warnings of it to the rows of one family."""
    rows = [row for row, _ in tested_rows]
    p_values = [row["p_value"] for row in rows]
    corrected = zip(rows, paired.holm(p_values), paired.bonferroni(p_values), strict=True)
    for row, holm, bonferroni in corrected:
        row |= {"p_holm": holm, "p_bonferroni": bonferroni, "n_tests": len(rows)}
    n_clusters = [n_swapped for _, n_swapped in tested_rows]
    reasons = explain_unattainable(n_clusters, settings["resamples"], 1 - settings["confidence"])
    for row, reason in zip(rows, reasons, strict=True):
        row["warning"] = "; ".join(text for text in (row["warning"], reason) if text) or None


def _empty_row(keys: Mapping[str, str], metric: str, clustering: Clustering) -> Row:
    counts = dict.fromkeys(("n_tests", "n_clusters", "n_clusters_total", "n_instances", "baseline_n_instances"), 0)
    texts = {"clusters": clustering.kind, "warning": None, "note": None, "undefined_resamples": None}
    coverage = _join_coverage(LabelCoverage(), LabelCoverage())
    values = dict.fromkeys(VALUE_COLUMNS)
    return {**keys, "metric": metric, "stratum": STRATUM_ALL, **values, **counts, **texts, **coverage}
