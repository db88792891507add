"""Trained weights in a file of the published layout, with everything else of the file that a training started from."""

import pytest
import torch

from samgap.models.runtime.weights_layout import SAME_KEYS, KeyLayout
from samgap.models.runtime.weights_merge import merge_weights, to_published_keys

PUBLISHED = (KeyLayout({"": "detector.", "head.": "tracker."}, "the published file"), KeyLayout(name="bare"))
TRAINED = {"layer.weight": torch.full((2,), 5.0), "layer.steps": torch.tensor(7), "computed": torch.zeros(1)}
REQUIRED = ["layer.weight"]


def make_published(dtype=torch.float32):
    return {
        "detector.layer.weight": torch.zeros(2, dtype=dtype),
        "detector.layer.steps": torch.tensor(1),
        "detector.neck.weight": torch.tensor([1.5]),
        "tracker.memory": torch.tensor([2.5]),
    }


def to_bare(tensors):
    return {
        f"head.{key.removeprefix('tracker.')}" if key.startswith("tracker.") else key.removeprefix("detector."): value
        for key, value in tensors.items()
    }


FILES = {
    "published": lambda tensors: {"model": tensors},
    "other entries": lambda tensors: {"model": tensors, "epoch": 3, "optimizer": {"state": {}, "param_groups": []}},
    "DDP": lambda tensors: {"ema": {f"module.{key}": value for key, value in tensors.items()}},
    "bare": to_bare,
    "bare, Lightning": lambda tensors: {
        "state_dict": {f"model.{key}": value for key, value in to_bare(tensors).items()}
    },
    "torch.compile": lambda tensors: {
        key.replace("layer.", "_orig_mod.layer."): value for key, value in tensors.items()
    },
}


@pytest.mark.parametrize("form", FILES)
def test_any_form_of_the_start_gives_the_published_keys_and_keeps_the_rest(form):
    start = make_published()
    merged = merge_weights(TRAINED, FILES[form](start), REQUIRED, PUBLISHED)
    assert merged.tensors.keys() == start.keys()
    assert torch.equal(merged.tensors["detector.layer.weight"], TRAINED["layer.weight"])
    assert merged.tensors["detector.layer.steps"] == 7
    assert merged.n_trained == 2 and sorted(merged.kept) == ["detector.neck.weight", "tracker.memory"]
    for key in merged.kept:
        assert torch.equal(merged.tensors[key], start[key])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_trained_tensors_have_the_number_format_of_the_start(dtype):
    merged = merge_weights(TRAINED, {"model": make_published(dtype)}, REQUIRED, PUBLISHED)
    assert merged.tensors["detector.layer.weight"].dtype == dtype
    assert merged.tensors["tracker.memory"].dtype == torch.float32


def test_the_rest_is_not_the_memory_of_a_larger_tensor(tmp_path):
    start = {**make_published(), "tracker.memory": torch.zeros(1_000_000)[:1]}
    torch.save(merge_weights(TRAINED, start, REQUIRED, PUBLISHED).tensors, tmp_path / "merged.pt")
    assert (tmp_path / "merged.pt").stat().st_size < 10_000


def test_a_file_of_another_model_is_not_merged():
    with pytest.raises(ValueError, match="does not have the weights"):
        merge_weights(TRAINED, {"other": torch.zeros(2)}, REQUIRED, PUBLISHED)


def test_from_random_weights_all_tensors_get_published_keys():
    assert to_published_keys({"layer.w": torch.ones(1), "head.w": torch.ones(1)}, PUBLISHED).keys() == {
        "detector.layer.w",
        "tracker.w",
    }
    assert to_published_keys(TRAINED, (SAME_KEYS,)) == TRAINED
