"""Point values of table `estimates`, recomputed from raw masks: without `samgap.matching`, `metrics` and `statistics`.

Ground truth is `instances.json`, predictions are the RLEs of `masks.parquet`, prompts are `prompts.parquet`.
"""

import json
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from pycocotools import mask as coco_mask
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.optimize import linear_sum_assignment

IOUS = np.arange(10, 20) / 20
AREAS = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, np.inf)}


@dataclass
class Result:
    """A prompt for an image, with its instances and the predictions that count."""

    prompt: object
    strata: dict
    truth: list
    """Annotations with `mask`, in the order of their ids."""
    is_presence_known: bool
    masks: list
    all_scores: np.ndarray
    """Of every prediction but those that are left out as in ignored instances, whatever the score."""
    is_correct: np.ndarray
    """Of the same: whether it matches an instance at IoU 0.5, greedily by score."""
    pairs: list
    """Of each instance: IoU with its assigned prediction and the mask of this, or (0, None)."""


def iou(first, second):
    union = (first | second).sum()
    return (first & second).sum() / union if union else 0.0


class RawCell:
    """One data set, model and prompt set of a run."""

    def __init__(self, folder, run, dataset, model, prompts, score_threshold):
        results, self.threshold = folder / "results" / run, score_threshold
        truth = json.loads((folder / "resources" / "datasets" / dataset / "instances.json").read_text(encoding="utf-8"))
        nouns = {category["id"]: category["name"] for category in truth["categories"]}
        self.annotations, self.strata = defaultdict(list), {}
        for image in truth["images"]:
            self.strata[image["id"]] = image.get("attributes", {})
        for annotation in sorted(truth["annotations"], key=lambda item: item["id"]):
            mask = coco_mask.decode(annotation["segmentation"]).astype(bool)
            self.annotations[annotation["image_id"]].append(
                {**annotation, "noun": nouns[annotation["category_id"]], "mask": mask}
            )
        cell = f"dataset={dataset}/model={model}/prompts={prompts}"
        shards = sorted((results / "predictions" / cell).rglob("masks.parquet"))
        predictions = pd.concat([pd.read_parquet(path) for path in shards])
        by_prompt = dict(list(predictions.groupby("prompt_id")))
        table = pd.read_parquet(results / "prompts" / f"dataset={dataset}" / f"prompts={prompts}" / "prompts.parquet")
        self.results = [
            self._match(prompt, by_prompt.get(prompt.prompt_id, predictions.iloc[:0]))
            for prompt in table.itertuples()
            if prompt.truth_ids is not None
        ]

    def _match(self, prompt, rows):
        annotations = self.annotations[prompt.image_id]
        if prompt.phrase is None:
            truth, ignored = [item for item in annotations if item["id"] in list(prompt.truth_ids)], []
            # The best mask counts, whatever its score.
            rows = counted = rows.sort_values("score", ascending=False, kind="stable").iloc[:1]
            counted = counted[counted["area_px"] > 0]
        else:
            named = [item for item in annotations if item["noun"] in list(prompt.nouns)]
            wanted = dict(prompt.attributes) if prompt.attributes is not None else {}
            ignored = [item for item in named if item["ignore"]]
            truth = [item for item in named if not item["ignore"] and wanted.items() <= item["attributes"].items()]
            rows = rows.sort_values(["score", "prediction_id"], ascending=[False, True], kind="stable")
            counted = rows[rows["score"] >= self.threshold].sort_values("prediction_id")
        region = np.any([item["mask"] for item in ignored], axis=0) if ignored else None
        masks, pairs = self._assign(_decode(counted), truth, region)
        ranked = _decode(rows)
        is_correct = _match_greedily(ranked, truth)
        counts = np.array([
            correct or not _is_inside(mask, region) for mask, correct in zip(ranked, is_correct, strict=True)
        ], bool)  # fmt: skip
        scores = rows["score"].to_numpy(float)[counts]
        known = bool(truth) or not ignored
        return Result(
            prompt, self.strata[prompt.image_id], truth, known, masks, scores, np.array(is_correct, bool)[counts], pairs
        )

    def _assign(self, masks, truth, region):
        """Assign one to one with the largest sum of IoUs; leave out what is unmatched and in ignored instances."""
        while True:
            ious = np.array([[iou(mask, item["mask"]) for item in truth] for mask in masks])
            ious = ious.reshape(len(masks), len(truth))
            pairs, best = [(0.0, None)] * len(truth), np.zeros(len(masks))
            for row, column in zip(*linear_sum_assignment(ious, maximize=True), strict=True):
                if ious[row, column] > 0:
                    pairs[column], best[row] = (ious[row, column], masks[row]), ious[row, column]
            kept = [
                mask for mask, value in zip(masks, best, strict=True) if value >= 0.5 or not _is_inside(mask, region)
            ]
            if len(kept) == len(masks):
                return masks, pairs
            masks = kept

    def select(self, stratum):
        """Return the results of a stratum; those of a stratum of instances have these instances alone."""
        name, _, value = stratum.partition(": ")
        if stratum == "all":
            return self.results
        if name in ("area", "phrase", "polarity", "level") and value:
            if name == "area":
                low, high = AREAS[value]
                return self._restrict(lambda item: low <= item["mask"].sum() <= high)
            return [result for result in self.results if _describe(result.prompt, name) == value]
        if any(name in strata for strata in self.strata.values()):
            return [result for result in self.results if result.strata.get(name) == value]
        if value:
            return self._restrict(lambda item: item["attributes"].get(name) == value)
        return [result for result in self.results if result.prompt.phrase == stratum]

    def _restrict(self, is_selected):
        restricted = []
        for result in self.results:
            numbers = [number for number, item in enumerate(result.truth) if is_selected(item)]
            if numbers:
                truth, pairs = ([part[number] for number in numbers] for part in (result.truth, result.pairs))
                restricted.append(replace(result, truth=truth, pairs=pairs))
        return restricted


def _describe(prompt, name):
    if name == "phrase":
        n = 0 if prompt.attributes is None else len(prompt.attributes)
        return "noun" if not n else f"{n} attribute{'s' * (n > 1)}"
    return getattr(prompt, name)


def _decode(rows):
    return [
        coco_mask.decode({"size": [row.height, row.width], "counts": row.rle}).astype(bool) for row in rows.itertuples()
    ]


def _is_inside(mask, region):
    return region is not None and mask.any() and (mask & region).sum() >= 0.5 * mask.sum()


def _match_greedily(masks, truth):
    free, is_correct = dict(enumerate(truth)), []
    for mask in masks:
        ious = {number: iou(mask, item["mask"]) for number, item in free.items()}
        best = max(ious, key=lambda number: (ious[number], number), default=None)
        is_correct.append(best is not None and ious[best] >= 0.5)
        if is_correct[-1]:
            del free[best]
    return is_correct


def dice(mask, truth):
    return 2 * (mask & truth).sum() / (mask.sum() + truth.sum())


def boundary_f(mask, truth, tolerance=2):
    """Return F of the boundary pixels of two masks: those within a distance of the other boundary, in px."""
    mask, truth = np.pad(mask, 1), np.pad(truth, 1)
    edges = [item & ~binary_erosion(item) for item in (mask, truth)]
    precision, recall = ((distance_transform_edt(~edges[1 - side])[edges[side]] <= tolerance).mean() for side in (0, 1))
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
