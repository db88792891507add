"""An added kind of prompts, whose rows are of its own kinds, is predicted and measured like the built-in one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.annotations.ground_truth import GroundTruth
from samgap.masks import rle
from samgap.matching.shard import match_shard
from samgap.metrics import METRIC_REGISTRY, load_metric
from samgap.models import Prediction
from samgap.models.runtime.prompt_tensors import MaskBatch, PromptBatch
from samgap.models.shape import Shape
from samgap.predictions.shard import predict_images
from samgap.prompts import box, clicks, kinds, phrases
from samgap.prompts.seed import Seed
from samgap.prompts.write import write_prompts
from samgap.tables.predictions import MASKS
from samgap.tables.prompts import PROMPTS
from tests.helpers.prompt_kinds import add_prompt_kind
from tests.helpers.scenes import images_table, jitter_mask, random_ellipse, random_tagged_shard, rle_to_box, square_mask
from tests.helpers.sums import evaluate

METRIC_IDS = list(METRIC_REGISTRY)


class TextModel:
    """Predicts the instances of a prompt, each moved by up to 2 px or missing, and sometimes something else."""

    def __init__(self, truth: GroundTruth) -> None:
        self.masks = {item.id: item.decode_mask() for items in truth.instances.values() for item in items}
        self.truth_ids: dict[str, list[int]] = {}

    def set_image(self, image: Image.Image) -> None:
        self.shape = (image.height, image.width)

    def predict(self, prompts: Sequence[Mapping[str, Any]]) -> list[list[Prediction]]:
        return [self._predict_prompt(prompt) for prompt in prompts]

    def _predict_prompt(self, prompt: Mapping[str, Any]) -> list[Prediction]:
        assert prompt["phrase"]
        rng = np.random.default_rng([ord(letter) for letter in prompt["prompt_id"]])
        truth_ids = self.truth_ids.get(prompt["prompt_id"], self.masks)
        masks = [jitter_mask(rng, self.masks[id]) for id in truth_ids if rng.random() < 0.8]
        masks += [random_ellipse(rng, self.shape) for _ in range(rng.integers(0, 3))]
        scores = sorted((float(rng.random()) ** 0.3 for _ in masks), reverse=True)
        return [
            Prediction(score, rle_to_box(encoded), int(mask.sum()), encoded["counts"])
            for score, mask in zip(scores, masks, strict=True)
            if mask.any() and (encoded := rle.encode(mask))
        ]


class ClickModel:
    """Predicts squares around the positive clicks, one click at a time."""

    def set_image(self, image: Image.Image) -> None:
        self.shape = (image.height, image.width)

    def map_batches(self, indices: Sequence[int], function: Callable[[Sequence[int]], Any]) -> Iterator[Any]:
        yield indices, function(indices)

    def predict_batch(self, batch: PromptBatch, multimask: bool = True) -> MaskBatch:
        assert batch.point_coords is not None and batch.point_labels is not None
        masks = np.zeros((len(batch.point_coords), *self.shape), bool)
        for mask, points, labels in zip(masks, batch.point_coords, batch.point_labels, strict=True):
            for (x, y), label in zip(np.asarray(points), np.asarray(labels), strict=True):
                mask |= (square_mask(max(int(y) - 6, 0), max(int(x) - 6, 0), 13, self.shape)) & (label == 1)
        return MaskBatch(masks, np.full(len(masks), 0.4), torch.zeros(len(masks), 1, 4, 4))


def make_truth() -> GroundTruth:
    """Make ripe and unripe apples on six images; there are no pears."""
    truth = random_tagged_shard(seed=3, n_images=6, shape=(90, 110))[2]
    instances = {
        image_id: [
            replace(item, attributes={"ripeness": "ripe" if item.id % 2 else "unripe"}) for item in items if item.area
        ]
        for image_id, items in truth.instances.items()
    }
    return GroundTruth(truth.images, instances, frozenset({"apple", "pear"}), {"ripeness": ("ripe", "unripe")})


def measure(kind: ModuleType, options: Mapping[str, Any], model: Any, folder: Path) -> dict[str, Any]:
    """Generate, predict and match the prompts of a kind; return metric -> value, or the reason that there is none."""
    truth = make_truth()
    folder.mkdir()
    write_prompts(folder / "prompts.parquet", kind.generate_prompts(truth, options, Seed(1, "orchard")), truth, {})
    prompts = PROMPTS.read(folder / "prompts.parquet")
    assert set(prompts["kind"]) == set(kind.ROW_KINDS)
    for image in truth.images.values():
        Image.new("RGB", (image["width"], image["height"])).save(folder / image["file_name"])
    if isinstance(model, TextModel):
        rows = prompts[prompts["truth_ids"].notna()]
        # The rows that a model gets have no truth.
        model.truth_ids = dict(zip(rows["prompt_id"], rows["truth_ids"], strict=True))
    images = images_table(truth.images, (90, 110))
    outputs = list(predict_images(model, images, folder, prompts, "cpu", truth))
    assert not any(output.warnings for output in outputs)
    MASKS.write(folder / "masks.parquet", [row for output in outputs for row in output.mask_rows])
    pairs = match_shard(MASKS.read(folder / "masks.parquet"), prompts, truth, images, 0.5)[2]
    return {metric: load_metric(metric).not_evaluable_reason(pairs) or evaluate(metric, pairs) for metric in METRIC_IDS}


PHRASE_OPTIONS = {
    "phrases": [
        {"phrase": "apple", "noun": "apple", "concept": "apple"},
        {"phrase": "apple fruit", "noun": "apple", "concept": "apple"},
        {"phrase": "ripe apple", "noun": "apple", "attributes": {"ripeness": "ripe"}},
        {"phrase": "unripe apple", "noun": "apple", "attributes": {"ripeness": "unripe"}, "seen": False},
        {"phrase": "pear", "noun": "pear"},
        {"phrase": "leaf", "other": True},
    ]
}


OWN_ROWS = """
ROW_KINDS = ("caption", "backdrop")
UNLABELLED = ("backdrop",)
OWN_NAMES = {"phrase": "caption", "other": "backdrop"}


def generate_prompts(truth, options, seed):
    for row in make_phrase_rows(truth, options["phrases"]):
        yield {**row, "kind": OWN_NAMES[row["kind"]]}
"""


@pytest.mark.parametrize(
    ("built_in", "rename", "options", "make_model", "measured"),
    [
        (box, lambda text: text.replace('"box"', '"added"'), {"jitter": 0.1}, lambda _: Shape("ellipse"), ["iou"]),
        (phrases, lambda text: text + OWN_ROWS, PHRASE_OPTIONS, TextModel,
         ["cgf1", "map", "f1-score", "false-alarms", "leakage", "attribute-accuracy", "prompt-sensitivity"]),
        (clicks, lambda text: text.replace('"clicks"', '"added"').replace('"added":', '"clicks":').replace(
            'get("added"', 'get("clicks"'), {"clicks": 4}, lambda _: ClickModel(), ["iou", "iou-after-clicks-3"]),
    ],
    ids=["spatial", "text", "interactive"],
)  # fmt: skip
def test_an_added_kind_is_measured_like_the_built_in_one(
    checkout, monkeypatch, tmp_path, built_in, rename, options, make_model, measured
):
    """The copy makes rows of its own kinds, so that only its declarations say how they are handled."""
    added = add_prompt_kind(checkout, "added", rename(Path(built_in.__file__).read_text(encoding="utf-8")))
    assert not set(added.ROW_KINDS) & set(built_in.ROW_KINDS)
    monkeypatch.setattr(kinds, "ROOT", checkout)
    model = make_model(make_truth())
    expected = measure(built_in, options, model, tmp_path / "built-in")
    for metric in measured:
        assert any(isinstance(expected[id], float) and expected[id] > 0 for id in expected if id.startswith(metric))
    np.testing.assert_equal(measure(added, options, model, tmp_path / "added"), expected)
