"""SAM2's interactive protocol: each click corrects the mask before it, for all instances of an image in parallel."""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch

from samgap.masks.clicks import find_next_click
from samgap.models import Prediction
from samgap.models.runtime.binary_masks import masks_to_predictions
from samgap.models.runtime.prompt_tensors import MaskBatch, PromptBatch, stack_points

ClickPredictions = list[list[Prediction]]
"""For each prompt its predictions after 1, 2 … clicks."""


class SupportsClicks(Protocol):
    """The methods of a model that the click protocol uses."""

    def predict_batch(self, batch: PromptBatch, multimask: bool = True) -> MaskBatch:
        """Return the best mask for each prompt of a batch."""

    def map_batches(
        self, indices: Sequence[int], function: Callable[[Sequence[int]], ClickPredictions]
    ) -> Iterator[tuple[Sequence[int], ClickPredictions]]:
        """Call `function` on batches of prompt indices that fit into memory."""


def run_click_protocol(
    model: SupportsClicks, prompts: Sequence[Mapping[str, Any]], ground_truth_masks: Sequence[np.ndarray]
) -> ClickPredictions:
    """Return the prediction for each prompt after each click.

    The first click selects the best of three masks. Each further click predicts a single mask, with the logits of the
    mask before it as mask input. A series ends after `clicks` clicks, or earlier if the mask is correct.

    Args:
        model: a model with an encoded image.
        prompts: rows of table `prompts` of kind `clicks`; their points are the first clicks.
        ground_truth_masks: the mask of each prompt's instance, bool (height, width).

    Returns:
        One list for each prompt. Empty masks are included.
    """
    run_batch = functools.partial(_run_batch, model, prompts, ground_truth_masks)
    return [series for _, batch in model.map_batches(range(len(prompts)), run_batch) for series in batch]


def _run_batch(
    model: SupportsClicks,
    all_prompts: Sequence[Mapping[str, Any]],
    all_ground_truth_masks: Sequence[np.ndarray],
    indices: Sequence[int],
) -> ClickPredictions:
    prompts, ground_truth_masks = [all_prompts[i] for i in indices], [all_ground_truth_masks[i] for i in indices]
    predictions: ClickPredictions = [[] for _ in prompts]
    clicks = [list(prompt["points"]) for prompt in prompts]
    mask_inputs: list[Any] = [None] * len(prompts)
    active = list(range(len(prompts)))  # prompts whose series has not ended; all have equally many clicks
    while active:
        points, labels = stack_points([{"points": clicks[i]} for i in active])
        is_first_click = mask_inputs[active[0]] is None
        stacked_mask_inputs = None if is_first_click else torch.stack([mask_inputs[i] for i in active])
        output = model.predict_batch(PromptBatch(points, labels, None, stacked_mask_inputs), multimask=is_first_click)
        still_active = []
        for row, i in enumerate(active):
            predictions[i] += masks_to_predictions(output.scores[[row]], None, output.masks[[row]], keep_empty=True)
            mask_inputs[i] = output.logits[row]
            click = find_next_click(ground_truth_masks[i], output.masks[row])
            if click is not None and len(clicks[i]) < prompts[i]["clicks"]:
                clicks[i].append(click)
                still_active.append(i)
        active = still_active
    return predictions
