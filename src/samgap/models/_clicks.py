"""Instances corrected click by click: SAM2's interactive protocol, all instances of an image side by side."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from samgap.models import Prediction
from samgap.models._predictions import predictions
from samgap.models.sam2 import PROMPTS_AT_ONCE, Asked
from samgap.prompts.clicks import next_click


class Clickable(Protocol):
    """What a model needs for it; `samgap.models.sam2` has it."""

    def ask(self, asked: Any, several: bool = True) -> Any: ...


def clicked(
    model: Clickable, prompts: Sequence[Mapping[str, Any]], truths: Sequence[np.ndarray]
) -> list[list[Prediction]]:
    """Each prompt's answer after 1, 2 … clicks; `truths` are its instances' masks, bool (height, width).

    The first click asks for the best of three masks, each further one for a single mask, with the answer before it as
    a prior. A series ends with its budget, or when nothing is left to correct. An empty mask is an answer too.
    """
    found: list[list[Prediction]] = [[] for _ in prompts]
    for start in range(0, len(prompts), PROMPTS_AT_ONCE):
        some = range(start, min(start + PROMPTS_AT_ONCE, len(prompts)))
        _series(model, [prompts[n] for n in some], [truths[n] for n in some], [found[n] for n in some])
    return found


def _series(
    model: Clickable,
    prompts: Sequence[Mapping[str, Any]],
    truths: Sequence[np.ndarray],
    found: list[list[Prediction]],
) -> None:
    given = [list(prompt["points"]) for prompt in prompts]
    priors: list[Any] = [None] * len(prompts)
    going = list(range(len(prompts)))
    while going:
        points = np.array([[(one["x"], one["y"]) for one in given[n]] for n in going], np.float32)
        labels = np.array([[one["label"] for one in given[n]] for n in going], np.int32)
        stacked = None if priors[going[0]] is None else torch.stack([priors[n] for n in going])
        answer = model.ask(Asked(points, labels, None, stacked), several=stacked is None)
        left = []
        for row, number in enumerate(going):
            found[number] += predictions(answer.scores[[row]], None, answer.masks[[row]], empty=True)
            priors[number] = answer.logits[row]
            click = next_click(truths[number], answer.masks[row])
            if click is not None and len(given[number]) < prompts[number]["clicks"]:
                given[number].append(click)
                left.append(number)
        going = left
