"""Instances corrected click by click: SAM2's interactive protocol, all instances of an image side by side."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from samgap.masks.clicks import next_click
from samgap.models import Prediction
from samgap.models.runtime.predictions import masks_to_predictions
from samgap.models.sam2.image import PromptBatch

ClickPredictions = list[list[Prediction]]
"""Of each prompt, its answers after 1, 2 … clicks."""


class SupportsClicks(Protocol):
    """What a model needs for it; `samgap.models.sam2.image` has it."""

    def predict_batch(self, batch: Any, multimask: bool = True) -> Any: ...

    def map_batches(
        self, indices: Sequence[int], function: Callable[[Sequence[int]], ClickPredictions]
    ) -> Iterator[tuple[Sequence[int], ClickPredictions]]: ...


def run_click_protocol(
    model: SupportsClicks, prompts: Sequence[Mapping[str, Any]], ground_truth_masks: Sequence[np.ndarray]
) -> ClickPredictions:
    """Each prompt's answer after 1, 2 … clicks; `truths` are its instances' masks, bool (height, width).

    The first click asks for the best of three masks, each further one for a single mask, with the answer before it as
    a prior. A series ends with its budget, or when nothing is left to correct. An empty mask is an answer too.
    """
    work = functools.partial(_run_batch, model, prompts, ground_truth_masks)
    return [one for _, found in model.map_batches(range(len(prompts)), work) for one in found]


def _run_batch(
    model: SupportsClicks,
    all_prompts: Sequence[Mapping[str, Any]],
    all_ground_truth_masks: Sequence[np.ndarray],
    indices: Sequence[int],
) -> ClickPredictions:
    prompts, truths = [all_prompts[n] for n in indices], [all_ground_truth_masks[n] for n in indices]
    found: ClickPredictions = [[] for _ in prompts]
    given = [list(prompt["points"]) for prompt in prompts]
    priors: list[Any] = [None] * len(prompts)
    going = list(range(len(prompts)))
    while going:
        points = np.array([[(one["x"] - 0.5, one["y"] - 0.5) for one in given[n]] for n in going], np.float32)
        labels = np.array([[one["label"] for one in given[n]] for n in going], np.int32)
        stacked = None if priors[going[0]] is None else torch.stack([priors[n] for n in going])
        answer = model.predict_batch(PromptBatch(points, labels, None, stacked), multimask=stacked is None)
        left = []
        for row, number in enumerate(going):
            found[number] += masks_to_predictions(answer.scores[[row]], None, answer.masks[[row]], keep_empty=True)
            priors[number] = answer.logits[row]
            click = next_click(truths[number], answer.masks[row])
            if click is not None and len(given[number]) < prompts[number]["clicks"]:
                given[number].append(click)
                left.append(number)
        going = left
    return found
