"""The click protocol, with a model whose masks are fixed."""

import numpy as np
import torch

from samgap.models.runtime.clicks import run_click_protocol
from samgap.models.runtime.prompt_tensors import MaskBatch

HEIGHT, WIDTH = 60, 90


class FixedMask:
    """Predicts the same square for every prompt, and records the batches."""

    def __init__(self):
        self.batches = []

    def predict_batch(self, batch, multimask=True):
        self.batches.append((batch, multimask))
        masks = np.zeros((len(batch.point_coords), HEIGHT, WIDTH), bool)
        masks[:, 10:20, 10:20] = True
        return MaskBatch(masks, np.ones(len(masks), np.float32), torch.zeros(len(masks), 1, 4, 4))

    def map_batches(self, indices, function):
        yield indices, function(indices)


def make_prompt(n_clicks):
    return {"points": [{"x": 15.5, "y": 15.5, "label": 1}], "clicks": n_clicks}


def make_square(top):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[top : top + 10, 10:20] = True
    return mask


def test_series_ends_when_the_mask_is_correct():
    (series,) = run_click_protocol(FixedMask(), [make_prompt(20)], [make_square(10)])
    assert len(series) == 1


def test_series_ends_after_its_number_of_clicks():
    model = FixedMask()
    correct, wrong, short = run_click_protocol(
        model, [make_prompt(5), make_prompt(4), make_prompt(2)], [make_square(10), make_square(40), make_square(40)]
    )
    assert [len(correct), len(wrong), len(short)] == [1, 4, 2]
    # Prompts whose series has ended leave the batch; only the first click decodes several masks.
    assert [len(batch.point_coords) for batch, _ in model.batches] == [3, 2, 1, 1]
    assert [batch.point_coords.shape[1] for batch, _ in model.batches] == [1, 2, 3, 4]
    assert [multimask for _, multimask in model.batches] == [True, False, False, False]
    assert [batch.mask_inputs is None for batch, _ in model.batches] == [True, False, False, False]
    # The packages take the centre of the first pixel as 0.
    assert model.batches[0][0].point_coords[0].tolist() == [[15, 15]]
