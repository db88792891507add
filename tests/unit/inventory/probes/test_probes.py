"""Every probe: its measurements are complete, the same when repeated, and have the checked values."""

import ast
import importlib

import pytest
import torch

from samgap.inventory import probes
from samgap.inventory.probes import list_probes, run_probe
from samgap.inventory.probes._source import count_calls, iter_identifiers, list_classes
from samgap.tables.inventory import PROBES

EXPECTED = {
    "automatic-masks": {"prompts-of-the-user": 0, "points": 1024},
    "causal-text": {"change-before": 0},
    "coco-loader": {"phrases-from-names": 2, "objects-without-masks": 2, "share-of-absent-phrases": 100},
    "encoder-inputs": {
        "sam2-inputs-besides-pixels": 0,
        "sam3-inputs-besides-pixels": 0,
        "sam2-memory-after-encoder": 1,
        "sam3-memory-after-encoder": 1,
    },
    "exemplar-arguments": {
        "images": 0,
        "labels": 1,
        "encoder-points": 1,
        "processor-points": 0,
        "processor-phrases": 1,
    },
    "frames-add-up": {"coupling": 0, "effect-of-order": 0},
    "geometry-tokens": {"tokens-without-prompt": 1, "tokens-of-a-box": 1},
    "iou-term": {"trained-mask-logits": 0, "trained-ious": 1},
    "official-metrics": {"metrics": 12, "official": 3, "recalls": 1, "named-by-the-paper": 0},
    "phrase-scoring": {"effect-of-order": 0, "temperatures": 0, "scale": 1 / 16, "limit": 12},
    "predict-arguments": {
        "text-arguments": 0,
        "spatial-arguments": 4,
        "spatial-arguments-of-sam3": 4,
        "differences": 0,
    },
    "presence-loss": {
        **{"trained-queries-absent": 0, "trained-presence-absent": 1},
        **{"trained-queries-present": 4, "trained-presence-present": 1},
    },
    "sam2-image-training": {"frames-of-an-image": 1},
    "sam2-inside-sam3": {
        **dict.fromkeys(["tensors-of-sam2", "tensors-of-sam3", "shapes-in-common"], 308),
        **dict.fromkeys(["parameters-of-sam2", "parameters-of-sam3"], 11_743_362),
        "names-in-common": 300,
    },
    "sam2-training-settings": {
        **{"loss-terms": 4, "weight-of-mask": 20, "weight-of-dice": 1, "weight-of-iou": 1, "weight-of-class": 1},
        **{"temporal-loss-terms": 0, "learning-rates": 2, "base-learning-rate": 5e-6, "image-learning-rate": 3e-6},
        **{"weight-decay": 0.1, "gradient-clip": 0.1, "layer-decay": 0.9, "bits-of-mixed-precision": 16, "batch": 1},
        **{"flips": 1, "rotation": 25, "shear": 20, "crops": 0, "colour-jitter": 0.1, "grayscale": 0.05},
    },
    "sam3-losses": {
        **{"losses": 6, "contrastive-functions": 1, "contrastive-calls": 0, "winner-take-all-losses": 0},
        **dict.fromkeys(["temporal-losses", "grounding-losses", "attribute-losses"], 0),
    },
    "score-product": {"difference-from-product": 0},
    "state-dict-size": {"tensors": 1465, "tensor-bytes": 3_449_659_104},
    "text-projection-idle": {"used-elements": 0},
    "tokenizer": {
        **{"vocabulary": 49408, "context": 32, "kept-words": 30, "case-sensitive-phrases": 0},
        **{"pieces-english": 2, "pieces-german": 5, "pieces-chinese": 15},
    },
    "tracker-inputs": {"text-identifiers": 0, "own-neck": 1},
    "tracking-metrics": {"hota-identity-kept": 1, "video-evaluators": 5},
    "winner-take-all": {"masks": 3, "trained-masks": 1},
}
CONTROLS = {
    "causal-text": ["change-at"],
    "geometry-tokens": ["change-by-another-box", "change-by-the-image"],
    "score-product": ["difference-from-query"],
    "state-dict-size": ["overhead-bytes", "file-bytes"],
    "text-projection-idle": ["used-embedding-elements"],
    "tracking-metrics": ["hota-identity-changed"],
}
"""Quantities that must not be 0, or the probe shows nothing. Every other quantity has an expected value."""


def test_every_probe_has_expected_values():
    assert list_probes() == sorted(EXPECTED)


@pytest.mark.parametrize("probe", EXPECTED)
def test_a_probe_measures_what_was_checked(probe, tmp_path):
    rows = run_probe(probe)
    PROBES.write(tmp_path / "probes.parquet", rows)
    values = {row["quantity"]: row["value"] for row in rows}
    assert len(values) == len(rows), "a quantity occurs twice"
    controls = {quantity: values.pop(quantity) for quantity in CONTROLS.get(probe, [])}
    assert values == pytest.approx(EXPECTED[probe], abs=1e-9)
    assert all(value > 0.01 for value in controls.values())
    assert run_probe(probe) == rows
    for row in rows:
        assert row["unit"] and row["evidence"] and row["package"] in ("sam2", "sam3")
        assert not set(row["quantity"]) - set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_probe_leaves_the_random_numbers_as_they_were():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    run_probe("winner-take-all")
    assert torch.equal(torch.rand(1), expected)


def test_every_probe_says_what_it_shows():
    for probe in list_probes():
        module = importlib.import_module(f"{probes.__name__}.{probe.replace('-', '_')}")
        assert len(module.__doc__.split(".")[0]) > 40, probe


def test_the_size_of_the_file_leaves_no_room_for_another_head():
    """The published file has 3,450,062,241 bytes; torch.save writes no less for these tensors alone."""
    values = {row["quantity"]: row["value"] for row in run_probe("state-dict-size")}
    assert values["file-bytes"] == values["tensor-bytes"] + values["overhead-bytes"] >= 3_450_062_241


SOURCE = '''
class Loss(Base):
    """Mentions text."""

    def compute(self, image):  # and text in a comment
        return helper(image) + self.helper(image, caption=1)
'''


def test_source_is_read_without_comments_and_docstrings():
    tree = ast.parse(SOURCE)
    names = set(iter_identifiers(tree))
    assert {"Loss", "compute", "image", "helper", "caption", "self"} <= names and "text" not in names
    assert count_calls(tree, "helper") == 2 and count_calls(tree, "compute") == 0
    assert list_classes(tree) == {"Loss": ["Base"]}
