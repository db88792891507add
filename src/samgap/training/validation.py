"""Validation of a training: metrics of the validation data set with their confidence intervals.

Predictions, matches and estimates are made by the same code as those of a run, so a score is what an experiment with
these images and prompts would report.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from samgap.annotations.ground_truth import GroundTruth, read_ground_truth
from samgap.config.plugin_import import import_plugin
from samgap.matching.shard import match_shard
from samgap.models import Model
from samgap.predictions.shard import predict_images
from samgap.prompts.seed import Seed
from samgap.prompts.write import write_prompts
from samgap.statistics.estimates import compute_estimates
from samgap.statistics.strata import Cell
from samgap.tables.images import IMAGES
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS
from samgap.training.tasks import DatasetSource, Score

SCORE_THRESHOLD = 0.5
"""Score from which a mask of a phrase counts: that of the published SAM3, and of most models of a run."""

SETTINGS = {"resamples": 1000, "confidence": 0.95}
"""Resamples of an interval, and its level. A run has more: here intervals are shown, and nothing is tested."""


@dataclass(frozen=True)
class ValidationPrompts:
    """A prompt set of a validation, and the metrics that are computed with it."""

    kind: str  # a module of samgap.prompts
    options: Mapping[str, Any]  # the entry of `prompts`
    scores: Mapping[str, str]  # metric -> name of the score in the history


class Validator:
    """Computes the scores of a model on the images of a validation data set, the same prompts each time."""

    def __init__(
        self, source: DatasetSource, prompt_sets: Sequence[ValidationPrompts], max_images: int | None = None
    ) -> None:
        """Read the ground truth and make the prompts.

        Args:
            source: the validation data set.
            prompt_sets: the prompts and their metrics.
            max_images: number of the first images that are used; None: all.
        """
        truth = read_ground_truth(source.ground_truth_path)
        ids = list(truth.images)[:max_images]
        self.source, self.prompt_sets = source, prompt_sets
        self.truth = truth if len(ids) == len(truth.images) else read_ground_truth(source.ground_truth_path, ids)
        self.images = _make_image_table(self.truth)
        self._name = source.name or "validation"
        self._tables = [self._make_prompts(prompts) for prompts in prompt_sets]

    def compute_scores(self, model: Model, device: str) -> dict[str, Score]:
        """Return the scores by name; a metric that the labels or the predictions leave undefined is left out."""
        scores: dict[str, Score] = {}
        for prompt_set, prompts in zip(self.prompt_sets, self._tables, strict=True):
            if len(prompts):
                scores |= self._compute_scores(model, device, prompt_set, prompts)
        return scores

    def _compute_scores(
        self, model: Model, device: str, prompt_set: ValidationPrompts, prompts: pd.DataFrame
    ) -> dict[str, Score]:
        mask_rows: list[dict[str, Any]] = []
        unpredicted: list[str] = []
        for output in predict_images(model, self.images, self.source.image_folder, prompts, device, self.truth):
            mask_rows += output.mask_rows
            unpredicted += output.unpredicted
        masks = MASKS.add_missing_columns(pd.DataFrame(mask_rows)) if mask_rows else MASKS.empty_frame()
        *_, pairs = match_shard(masks, prompts, self.truth, self.images, SCORE_THRESHOLD, unpredicted=unpredicted)
        cell = Cell(pairs, None, None, self.source.exhaustive)
        experiment = {
            "datasets": [self._name],
            "models": ["model"],
            "prompts": [prompt_set.kind],
            "metrics": list(prompt_set.scores),
        }
        rows = compute_estimates(
            lambda key: cell, {self._name: self.images}, {"validation": experiment}, SETTINGS, seed=0
        )
        return {
            prompt_set.scores[row["metric"]]: Score(row["value"], row["ci_low"], row["ci_high"], row["n_images"])
            for row in rows
            if row["stratum"] == "all" and row["value"] is not None
        }

    def _make_prompts(self, prompt_set: ValidationPrompts) -> pd.DataFrame:
        kind: ModuleType = import_plugin("prompts", prompt_set.kind)
        rows = kind.generate_prompts(self.truth, prompt_set.options, Seed(0, self._name))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "prompts.parquet"
            write_prompts(path, rows, self.truth, {})
            return PROMPTS.read(path)


def _make_image_table(truth: GroundTruth) -> pd.DataFrame:
    """Return the table `images` of a ground truth, without strata and sequences."""
    rows = [
        {
            "image_id": image_id,
            "file": image["file_name"],
            "width": image["width"],
            "height": image["height"],
            "group": image["group"],
            "strata": [],
        }
        for image_id, image in truth.images.items()
    ]
    return IMAGES.add_missing_columns(pd.DataFrame(rows)) if rows else IMAGES.empty_frame()
