"""The values of a run's tables beside those of the second path."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from benchmarks.recomputation.counting import SCORES, compute_f1, compute_precision, compute_recall, count_cases
from benchmarks.recomputation.raw import Run
from benchmarks.recomputation.sample import Sample, is_missing, read_sample
from benchmarks.recomputation.values import VALUES

CellKey = tuple[str, str, str]
"""Data set, model, prompt set."""
MIN_PROMPT_SETS = 4


@dataclass(frozen=True)
class Check:
    """A number of a table and the same by the second path; NaN for an undefined one."""

    table: str
    row: str
    column: str
    """The metric, or the column."""
    stored: float
    recomputed: float

    @property
    def deviation(self) -> float:
        """The absolute difference; 0 of two undefined values, infinite if one is undefined."""
        if np.isnan(self.stored) or np.isnan(self.recomputed):
            return 0.0 if np.isnan(self.stored) and np.isnan(self.recomputed) else np.inf
        return abs(self.stored - self.recomputed)


@dataclass
class Recomputation:
    """Reads each cell of a run once, in turn."""

    run: Run
    samples: dict[CellKey, Sample] = field(default_factory=dict)
    values: dict[tuple[Any, ...], float] = field(default_factory=dict)
    chosen: dict[str, float] = field(default_factory=dict)
    """The threshold of each model, by the second path."""

    def read(self, key: CellKey) -> Sample:
        """Return a cell; the last one stays in memory."""
        if key not in self.samples:
            self.samples = {key: read_sample(self.run, *key, self.choose(key))}
        return self.samples[key]

    def compute(self, key: CellKey, metric: str, stratum: str, left_out: frozenset[int] = frozenset()) -> float:
        """Return the value of a metric in a stratum of a cell, without some images."""
        name = (key, metric, stratum, left_out)
        if name not in self.values:
            sample = self.read(key)
            stratum_samples = sample.shared.setdefault("strata", {})
            if (stratum, left_out) not in stratum_samples:
                selected = sample.select(stratum)
                stratum_samples[stratum, left_out] = selected.leave_out(set(left_out)) if left_out else selected
            self.values[name] = VALUES[metric](stratum_samples[stratum, left_out])
        return self.values[name]

    def choose(self, key: CellKey) -> float:
        """Return the threshold of the model that is chosen on other images; NaN if none is."""
        entry = self.run.config.get("thresholds")
        if not entry or key[1] not in entry["models"] or entry["dataset"] == key[0]:
            return np.nan
        if key[1] not in self.chosen:
            rows = list(self.sweep(key[1]))
            official = self.run.get_official_score(key[1])
            best = max(
                rows, key=lambda row: (round(row["f1"], 12), -round(abs(row["score"] - official), 9), row["score"])
            )
            self.chosen[key[1]] = best["score"] if any(row["tp"] for row in rows) else np.nan
        return self.chosen[key[1]]

    def sweep(self, model: str) -> Iterator[dict[str, float]]:
        """Yield precision, recall and F1 at each score threshold on the images of the choice."""
        entry = self.run.config["thresholds"]
        sample = read_sample(self.run, entry["dataset"], model, entry["prompts"])
        is_exhaustive = self.run.is_exhaustive(entry["dataset"])
        for score in SCORES.round(2).tolist():
            counts = count_cases(sample.phrases, score)
            n_far = 0 if is_exhaustive else sum(case.count_far(score) for case in sample.phrases)
            near = counts._replace(predicted=counts.predicted - n_far)
            yield {
                "score": score,
                "tp": counts.matches,
                "n_predicted": counts.predicted,
                "n_truth": counts.truth,
                "n_left_out": np.nan if is_exhaustive else n_far,
                "precision": compute_precision(near),
                "recall": compute_recall(near),
                "f1": compute_f1(near),
            }


def is_evaluable(note: Any) -> bool:
    """Return whether a value is in its row, or is undefined; others have a reason not to be computed."""
    return is_missing(note) or "undefined" in note


def check_run(run: Run) -> Iterator[Check]:
    """Yield each value of the tables of the stage `statistics` with its second path."""
    recomputation = Recomputation(run)
    yield from check_thresholds(recomputation)
    yield from check_estimates(recomputation)
    yield from check_comparisons(recomputation)
    yield from check_rank_correlations(recomputation)
    yield from check_confusions(recomputation)


def check_thresholds(recomputation: Recomputation) -> Iterator[Check]:
    """Yield the numbers of the tables `thresholds/<model>`, and which threshold is chosen."""
    for model in recomputation.run.config.get("thresholds", {}).get("models", []):
        stored = recomputation.run.read_table(f"thresholds/{model}")
        if is_missing(stored["note"].iat[0]):
            rows = {row["score"]: row for row in recomputation.sweep(model)}
            for row in stored.to_dict("records"):
                for name, value in rows[row["score"]].items():
                    number = np.nan if is_missing(row[name]) else float(row[name])
                    yield Check("thresholds", f"{model} {row['score']:.2f}", name, number, float(value))
            chosen = recomputation.choose(("", model, ""))
            yield Check(
                "thresholds", model, "is_chosen", float(stored.loc[stored["is_chosen"], "score"].iat[0]), chosen
            )


def check_estimates(recomputation: Recomputation) -> Iterator[Check]:
    """Yield the values of table `estimates`, and their numbers of instances."""
    estimates = recomputation.run.read_table("estimates")
    for key, rows in estimates.groupby(["dataset", "model", "prompts"], sort=False):
        for row in rows.drop_duplicates(["metric", "stratum"]).itertuples():
            if row.metric in VALUES and is_evaluable(row.note):
                value = recomputation.compute(key, row.metric, row.stratum)
                name = f"{' '.join(key)} [{row.stratum}]"
                yield Check("estimates", name, row.metric, float(row.value), value)


def check_comparisons(recomputation: Recomputation) -> Iterator[Check]:
    """Yield both values and the difference of each row of table `comparisons`."""
    table = recomputation.run.read_table("comparisons")
    rows = [row for row in table.to_dict("records") if is_evaluable(row["note"]) and row["metric"] in VALUES]
    requests = [
        [
            ((row[f"{side}dataset"], row[f"{side}model"], row[f"{side}prompts"]), row["metric"], row[f"{side}stratum"])
            for side in ("", "baseline_")
        ]
        for row in rows
    ]
    left_out = [find_left_out(recomputation.run, row) for row in rows]
    # Cell by cell, as only one is in memory; then the values are known.
    for key in dict.fromkeys(request[0] for pair in requests for request in pair):
        for pair, images in zip(requests, left_out, strict=True):
            for request in pair:
                if request[0] == key:
                    recomputation.compute(*request, images)
    for row, pair, images in zip(rows, requests, left_out, strict=True):
        values = [recomputation.compute(*request, images) for request in pair]
        name = f"{row['comparison']}: " + " against ".join(f"{' '.join(key)} [{part}]" for key, _, part in pair)
        stored = [float(row[column]) for column in ("value", "baseline_value", "difference")]
        for number, value in zip(stored, [*values, values[0] - values[1]], strict=True):
            yield Check("comparisons", name, row["metric"], number, value)


def find_left_out(run: Run, row: dict[str, Any]) -> frozenset[int]:
    """Return the images that both values leave out, as the prompts of one of them lost labels there."""
    if row["dataset"] != row["baseline_dataset"]:
        return frozenset()
    lost = []
    for side in ("", "baseline_"):
        folder = run.results / "prompts" / f"dataset={row['dataset']}" / f"prompts={row[f'{side}prompts']}"
        table = pd.read_parquet(folder / "prompts.parquet", columns=["image_id", "phrase", "lost_labels"])
        table = table[table["lost_labels"].eq(True)]
        lost.append(set(zip(table["image_id"], table["phrase"], strict=True)))
    return frozenset() if lost[0] == lost[1] else frozenset(int(image) for image, _ in lost[0] | lost[1])


def check_rank_correlations(recomputation: Recomputation) -> Iterator[Check]:
    """Yield Spearman's coefficients of table `rank_correlations`."""
    for row in recomputation.run.read_table("rank_correlations").to_dict("records"):
        if is_evaluable(row["note"]) and row["metric"] in VALUES and len(row["prompts"]) >= MIN_PROMPT_SETS:
            values = [
                [
                    recomputation.compute((row["dataset"], model, prompts), row["metric"], "all")
                    for prompts in row["prompts"]
                ]
                for model in (row["model"], row["other_model"])
            ]
            value = float(spearmanr(*np.round(values, 12)).statistic)
            name = f"{row['dataset']} {row['model']} {row['other_model']} {row['metric']}"
            yield Check("rank_correlations", name, "value", float(row["value"]), value)


def check_confusions(recomputation: Recomputation) -> Iterator[Check]:
    """Yield the numbers of table `confusions`."""
    table = recomputation.run.read_table("confusions")
    for key, rows in table.groupby(["dataset", "model", "prompts"], sort=False) if len(table) else ():
        sample = recomputation.read(key)
        counts: dict[tuple[str, str, str], float] = {}
        truth: dict[tuple[str, str], int] = {}
        for case in sample.phrases:
            assigned = sample.assigned_values.get(case.prompt.prompt_id)
            if assigned is not None:
                (named,) = dict(case.prompt.attributes).items()
                truth[named] = truth.get(named, 0) + len(case.truth)
                for claimed, number in assigned.items():
                    counts[*named, claimed] = counts.get((*named, claimed), 0) + number
        for row in rows.itertuples():
            name = f"{' '.join(key)} {row.attribute} {row.value} as {row.claimed or 'none'}"
            n_claimed, n_instances = (
                counts.get((row.attribute, row.value, row.claimed), 0),
                truth[row.attribute, row.value],
            )
            yield Check("confusions", name, "n_claimed", float(row.n_claimed), float(n_claimed))
            yield Check("confusions", name, "n_instances", float(row.n_instances), float(n_instances))
            yield Check("confusions", name, "share", float(row.share), n_claimed / n_instances)
