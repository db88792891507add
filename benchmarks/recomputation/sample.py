"""All prompts of a cell, or of a stratum of it, at the operating points of its model."""

import contextlib
import functools
import io
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.optimize import linear_sum_assignment

from benchmarks.recomputation.cases import MATCH, MAX_DETECTIONS, OTHER_KINDS, PHRASE_KINDS, SPATIAL_KINDS, Case
from benchmarks.recomputation.measures import measure_union_iou
from benchmarks.recomputation.raw import Image, Instance, Prediction, RawCell, Run, read_truth

AREAS = {"small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, np.inf)}
COCO_DETECTIONS = 100


@dataclass
class Sample:
    """Cases with the score thresholds of their model."""

    cases: list[Case]
    official: float
    chosen: float
    """NaN if none was chosen."""
    whole: list[Case]
    """All cases of the cell, whose phrases compete for an instance and are paraphrases of each other."""
    shared: dict[str, Any] = field(default_factory=dict)
    """What all strata of a cell have in common."""

    @functools.cached_property
    def evaluable(self) -> list[Case]:
        """The cases whose instances are annotated."""
        return [case for case in self.cases if case.is_evaluable]

    @functools.cached_property
    def phrases(self) -> list[Case]:
        """Evaluable phrases."""
        return [case for case in self.cases if case.is_phrase]

    @functools.cached_property
    def known(self) -> list[Case]:
        """Phrases that are known to be present or absent."""
        return [case for case in self.cases if case.is_presence_known]

    @functools.cached_property
    def assigned_values(self) -> dict[str, dict[str, float]]:
        """For each phrase with one attribute: the number of its instances by predicted value; "" without one."""
        return self._share("assigned_values", lambda: assign_values(self.whole, self.official))

    @functools.cached_property
    def agreements(self) -> dict[str, list[float]]:
        """For each phrase of a concept: the IoU of its masks with those of each other phrase of the concept."""
        return self._share("agreements", lambda: compare_paraphrases(self.whole, self.official))

    def _share(self, name: str, compute: Callable[[], Any]) -> Any:
        if name not in self.shared:
            self.shared[name] = compute()
        return self.shared[name]

    def evaluate_coco(self, iou_type: str) -> np.ndarray:
        """Return the precisions of pycocotools: IoU, recall, phrase, area range, detections (100, 1000)."""
        cache = self.__dict__.setdefault("_coco", {})
        if iou_type not in cache:
            cache[iou_type] = evaluate_coco(self.phrases, iou_type)
        precisions: np.ndarray = cache[iou_type]
        return precisions

    def select(self, stratum: str) -> "Sample":
        """Return the cases of a stratum; those of a stratum of instances have these instances alone."""
        return Sample(list(self._iter_stratum(stratum)), self.official, self.chosen, self.whole, self.shared)

    def leave_out(self, image_ids: set[int]) -> "Sample":
        """Return the cases of the other images."""
        cases = [case for case in self.cases if case.image.id not in image_ids]
        return Sample(cases, self.official, self.chosen, self.whole, self.shared)

    def _iter_stratum(self, stratum: str) -> Iterator[Case]:
        name, _, value = stratum.partition(": ")
        is_quoted = stratum.startswith('"')
        if stratum == "all":
            yield from self.cases
        elif value and name in ("phrase", "polarity", "level"):
            yield from (case for case in self.cases if describe_phrase(case.prompt, name) == value)
        elif value and name == "area":
            low, high = AREAS[value]
            yield from self._restrict(lambda item: low <= item.mask.area <= high)
        elif value and not is_quoted:
            plain = name.removeprefix("image ")
            if any(plain in case.image.strata for case in self.cases):
                yield from (case for case in self.cases if case.image.strata.get(plain) == value)
            else:
                plain = name.removeprefix("attribute ")
                yield from self._restrict(lambda item: item.attributes.get(plain) == value)
        else:
            phrase = stratum[1:-1] if is_quoted else stratum
            yield from (case for case in self.cases if case.prompt.phrase == phrase)

    def _restrict(self, is_selected: Callable[[Instance], bool]) -> Iterator[Case]:
        for case in self.evaluable:
            numbers = [number for number, item in enumerate(case.truth) if is_selected(item)]
            if numbers:
                yield case.restrict(numbers)


def read_sample(run: Run, dataset: str, model: str, prompts: str, chosen: float = np.nan) -> Sample:
    """Read the cases of a cell."""
    images, cell = read_truth(run.folder, dataset), RawCell.read(run, dataset, model, prompts)
    if cell.skip_reason:
        return Sample([], run.get_official_score(model), chosen, [])
    distance = run.get_labelled_distance(dataset)
    cases = [
        make_case(prompt, predictions, images[prompt.image_id], distance, prompt.prompt_id in cell.unpredicted)
        for prompt, predictions in cell.iter_prompts()
    ]
    for case in cases:
        check_words(case)
    return Sample(cases, run.get_official_score(model), chosen, cases)


def make_case(
    prompt: Any, predictions: list[Prediction], image: Image, labelled_distance: float, is_unpredicted: bool = False
) -> Case:
    """Return the case of a prompt.

    Raises:
        ValueError: The kind is unknown.
    """
    if prompt.kind not in (*SPATIAL_KINDS, *PHRASE_KINDS, *OTHER_KINDS):
        raise ValueError(f"prompt {prompt.prompt_id}: whether the kind {prompt.kind} is spatial is not known here")
    is_spatial, is_evaluable = prompt.kind in SPATIAL_KINDS, prompt.truth_ids is not None
    ids = set() if prompt.truth_ids is None else set(prompt.truth_ids)
    truth = [item for item in image.instances if item.id in ids]
    named = [] if prompt.kind == "other" or is_spatial else find_named(prompt, image)
    if is_unpredicted and not is_spatial and not truth:
        is_evaluable = False
    ignored = [item for item in named if item.is_ignored]
    return Case(image, prompt, predictions, truth, is_evaluable, ignored, labelled_distance * image.size[0])


def find_named(prompt: Any, image: Image) -> list[Instance]:
    """Return the instances of the nouns of a prompt, without an excluded noun; all if it has no nouns."""
    if prompt.nouns is None:
        return image.instances
    excluded = dict(prompt.without) if prompt.without is not None else {}
    return [item for item in image.instances if item.noun in set(prompt.nouns) - {excluded.get("noun")}]


def check_words(case: Case) -> None:
    """Raise ValueError if the column `truth_ids` of a phrase has other instances than its words name."""
    if not case.is_phrase or case.prompt.nouns is None:
        return
    parts = case.prompt.attributes, case.prompt.without
    wanted, excluded = (set(dict(part).items()) if part is not None else set() for part in parts)
    meant = [
        item
        for item in find_named(case.prompt, case.image)
        if not item.is_ignored
        and wanted <= set(item.attributes.items())
        and not excluded & set(item.attributes.items())
    ]
    if meant != case.truth:
        raise ValueError(f"prompt {case.prompt.prompt_id}: truth_ids are not the instances of its words")


def describe_phrase(prompt: Any, name: str) -> str | None:
    """Return the level, kind or polarity of a phrase."""
    if prompt.phrase is None:
        return None
    if name != "phrase":
        value: str | None = getattr(prompt, name)
        return value
    if prompt.kind == "other":
        return "unlabelled"
    n = 0 if prompt.attributes is None else len(prompt.attributes)
    return "noun" if not n else f"{n} attribute{'s' * (n > 1)}"


def match_nouns(case: Case, threshold: float) -> dict[int, float]:
    """Match the counted masks of a phrase with all instances of its nouns; return score by instance id."""
    instances = [item for item in case.image.instances if item.noun in case.prompt.nouns and not item.is_ignored]
    masks = case.count(threshold).masks
    decoded = [item.mask.decode() for item in instances]
    matrix = np.array([[measure_iou(mask.mask.decode(), truth) for truth in decoded] for mask in masks])
    matrix = matrix.reshape(len(masks), len(instances))
    return {
        instances[column].id: masks[row].score
        for row, column in zip(*linear_sum_assignment(matrix, maximize=True), strict=True)
        if matrix[row, column] >= MATCH
    }


def measure_iou(mask: np.ndarray, truth: np.ndarray) -> float:
    """Return IoU; 0 of two empty masks."""
    union = np.count_nonzero(mask | truth)
    return np.count_nonzero(mask & truth) / union if union else 0.0


def assign_values(cases: list[Case], threshold: float) -> dict[str, dict[str, float]]:
    """Return prompt id -> predicted value -> number of the phrase's instances; equal best scores share one."""
    competing: dict[Any, list[tuple[str, Case, dict[int, float]]]] = defaultdict(list)
    for case in cases:
        attributes = dict(case.prompt.attributes) if case.prompt.attributes is not None else {}
        if case.is_phrase and case.prompt.nouns is not None and len(attributes) == 1:
            ((name, value),) = attributes.items()
            key = case.image.id, tuple(sorted(case.prompt.nouns)), name
            competing[key].append((value, case, match_nouns(case, threshold)))
    assigned = {}
    for group in competing.values():
        for _, case, _ in group:
            counts: dict[str, float] = defaultdict(float)
            for item in case.truth:
                best = max((scores[item.id] for _, _, scores in group if item.id in scores), default=None)
                values = {value for value, _, scores in group if best is not None and scores.get(item.id) == best}
                for value in values or {""}:
                    counts[value] += 1 / max(len(values), 1)
            assigned[case.prompt.prompt_id] = dict(counts)
    return assigned


def compare_paraphrases(cases: list[Case], threshold: float) -> dict[str, list[float]]:
    """Return prompt id -> IoU of the union of its masks with that of each other phrase of its concept in the image."""
    groups: dict[Any, list[Case]] = defaultdict(list)
    for case in cases:
        if isinstance(case.prompt.concept, str):
            groups[case.image.id, case.prompt.concept].append(case)
    agreements: dict[str, list[float]] = defaultdict(list)
    for group in groups.values():
        unions = [(case.prompt.prompt_id, case.merge(case.count(threshold).masks)) for case in group]
        for (first, mask), (second, other) in itertools.permutations(unions, 2):
            assert first != second
            agreements[first].append(measure_union_iou(mask, other))
    return agreements


def evaluate_coco(cases: list[Case], iou_type: str) -> np.ndarray:
    """Return the precisions of pycocotools, with phrases as categories and `ignore` instances as crowds."""
    phrases = sorted({case.prompt.phrase for case in cases})
    sizes = {case.image.id: case.image.size for case in cases}
    dataset: dict[str, list[dict[str, Any]]] = {
        "images": [{"id": id, "height": size[0], "width": size[1]} for id, size in sorted(sizes.items())],
        "categories": [{"id": number} for number, _ in enumerate(phrases, 1)],
        "annotations": [],
    }
    detections: list[dict[str, Any]] = []
    for case in cases:
        ids = {"image_id": case.image.id, "category_id": phrases.index(case.prompt.phrase) + 1}
        items = [(item, 0) for item in case.truth] + [(item, 1) for item in case.ignored]
        for item, is_crowd in items:
            entry = {**_describe_region(item), **ids, "iscrowd": is_crowd, "area": item.mask.area}
            dataset["annotations"].append({**entry, "id": len(dataset["annotations"]) + 1})
        for prediction in case.predictions:
            entry = _describe_region(prediction)
            area = prediction.mask.area if iou_type == "segm" else entry["bbox"][2] * entry["bbox"][3]
            detections.append({**entry, **ids, "area": area, "score": prediction.score, "id": len(detections) + 1})
    with contextlib.redirect_stdout(io.StringIO()):
        truth, predicted = COCO(), COCO()
        truth.dataset, predicted.dataset = dataset, {**dataset, "annotations": detections}
        truth.createIndex()
        predicted.createIndex()
        evaluation = COCOeval(truth, predicted, iou_type)
        evaluation.params.maxDets = [COCO_DETECTIONS, MAX_DETECTIONS]
        evaluation.evaluate()
        evaluation.accumulate()
    precisions: np.ndarray = evaluation.eval["precision"]
    return precisions


def _describe_region(item: Instance | Prediction) -> dict[str, Any]:
    x0, y0, x1, y1 = map(float, item.box)
    rle = {"size": list(item.mask.size), "counts": item.mask.counts}
    return {"segmentation": rle, "bbox": [x0, y0, x1 - x0, y1 - y0]}


def is_missing(value: Any) -> bool:
    """Return whether a cell of a table is null."""
    return value is None or (np.ndim(value) == 0 and bool(pd.isna(value)))
