"""The packages' own predictors' answers over a random set: each family, kind of prompt and size of batch; and twice
the same."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from pycocotools import mask as coco_mask

from samgap.models.runtime import device as _device
from samgap.models.runtime.predictions import rle_worker_pool
from samgap.models.sam2 import image as sam2
from samgap.models.sam3 import image as sam3
from tests.helpers.pictures import BOX_KEYS, render_scene

# isort: split
from sam3.model.sam3_image_processor import Sam3Processor

DEMO = Path(__file__).parents[3] / "config" / "demo"
SIDE = 320
PHRASES = ("apple", "ripe apple", "unripe apple", "pear", "a leaf on a branch")


@pytest.fixture(scope="module")
def spatial():
    overrides = yaml.safe_load((DEMO / "sam2-demo.overrides.yaml").read_text())
    options = {"config": "configs/sam2.1/sam2.1_hiera_t.yaml", "overrides": overrides}
    return sam2.open_model(options, DEMO / "sam2-demo.pt", "cpu")


@pytest.fixture(scope="module")
def concepts():
    options = {"architecture": yaml.safe_load((DEMO / "sam3-demo.architecture.yaml").read_text())}
    return sam3.open_model(options, DEMO / "sam3-demo.pt", "cpu")


@pytest.fixture(scope="module")
def pictures():
    return [render_scene(seed, SIDE) for seed in (11, 12, 14)]


def _asked(kind, boxes, random):
    """Prompts of a kind near the boxes, and the same as the package's predictor takes them."""
    for box in boxes:
        x0, y0, x1, y1 = (float(box[edge] + random.normal(0, 3)) for edge in BOX_KEYS)
        box = dict(zip(BOX_KEYS, (max(x0, 0), max(y0, 0), min(x1, SIDE), min(y1, SIDE)), strict=True), label=1)
        number = {"point": 1, "points": 3, "point-box": 2, "mask": 0, "box": 0}[kind]
        points = [
            {"x": random.integers(x0, x1) + 0.5, "y": random.integers(y0, y1) + 0.5, "label": int(place < 2)}
            for place in range(number)
        ]
        row = {"kind": kind, "points": points or None, "boxes": [box] if "box" in kind else None, "mask": None}
        own = {}
        if points:
            # The package counts pixels from 0; their middles are at 0.5 here.
            own["point_coords"] = np.array([[one["x"], one["y"]] for one in points]) - 0.5
            own["point_labels"] = np.array([one["label"] for one in points])
        if row["boxes"]:
            own["box"] = np.array([box[edge] for edge in BOX_KEYS])
        if kind == "mask":
            prior = np.zeros((SIDE, SIDE), np.uint8)
            prior[int(y0) : int(y1), int(x0) : int(x1)] = 1
            row["mask"] = coco_mask.encode(np.asfortranarray(prior))["counts"]
        yield row, own


def _iou(prediction, mask):
    """IoU, one pixel aside: a logit of 0 falls on either side, and small masks have few pixels."""
    found = coco_mask.decode({"size": [SIDE, SIDE], "counts": prediction.rle}).astype(bool)
    return 1 - max((found ^ mask).sum() - 1, 0) / max((found | mask).sum(), 1)


@pytest.mark.parametrize("batch", [1, 3, 32])
@pytest.mark.parametrize("kind", ["box", "point", "points", "point-box", "mask"])
def test_sam2_gives_what_its_predictor_gives(spatial, pictures, kind, batch, monkeypatch):
    monkeypatch.setattr(spatial.prompt_batcher, "max_size", batch)
    random = np.random.default_rng(batch)
    compared = 0
    for image, boxes in pictures:
        asked = list(_asked(kind, boxes, random))
        spatial.set_image(image)
        with rle_worker_pool(2):
            answers = [list(one) for one in spatial.predict([row for row, _ in asked])]
        for (row, own), found in zip(asked, answers, strict=True):
            if row["mask"]:
                own["mask_input"] = spatial.rles_to_mask_inputs([row["mask"]])[0].numpy()
            several = kind in ("point", "mask")
            masks, quality, _ = spatial.predictor.predict(multimask_output=several, **own)
            best = int(np.argmax(quality))
            if masks[best].any():
                assert _iou(found[0], masks[best].astype(bool)) >= 0.999
                assert found[0].score == pytest.approx(np.clip(quality[best], 0, 1), abs=1e-3)
                compared += 1
    assert compared >= 12


@pytest.mark.parametrize("batch", [1, 2, 64])
@pytest.mark.parametrize("kind", ["phrase", "exemplar"])
def test_sam3_gives_what_its_processor_gives(concepts, pictures, kind, batch, monkeypatch):
    monkeypatch.setattr(concepts.prompt_batcher, "max_size", batch)
    compared = 0
    with _device.cuda_shim("cpu"):
        processor = Sam3Processor(concepts.model, concepts.image_size, "cpu", confidence_threshold=sam3.MIN_SCORE)
    for image, boxes in pictures[:2]:
        prompts = [{"kind": "phrase", "phrase": phrase} for phrase in PHRASES]
        if kind == "exemplar":
            prompts = [{**one, "boxes": boxes[: 1 + place % 3]} for place, one in enumerate(prompts)]
        concepts.set_image(image)
        with rle_worker_pool(2):
            answers = [list(one) for one in concepts.predict(prompts)]
        with _device.cuda_shim("cpu"):
            for prompt, found in zip(prompts, answers, strict=True):
                state = processor.set_text_prompt(prompt["phrase"], processor.set_image(image))
                for box in prompt.get("boxes", []):
                    x0, y0, x1, y1 = (box[edge] / SIDE for edge in BOX_KEYS)
                    state = processor.add_geometric_prompt(
                        [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0], True, state
                    )
                scores, masks = state["scores"].tolist(), state["masks"][:, 0].numpy()
                order = sorted((n for n in range(len(scores)) if masks[n].any()), key=lambda n: -scores[n])
                assert abs(len(order) - len(found)) <= 1  # a score at the threshold may fall on either side
                for one, index in zip(found, order, strict=False):
                    assert one.score == pytest.approx(scores[index], abs=1e-3)
                    near = [n for n in order if abs(scores[n] - one.score) < 1e-3]
                    assert max(_iou(one, masks[n]) for n in near) >= 0.999
                    compared += 1
    assert compared >= 20


def test_the_same_batches_give_the_same_bytes_and_halved_ones_the_same_masks(spatial, concepts, pictures, monkeypatch):
    for model, prompts in (
        (spatial, [{"kind": "box", "points": None, "boxes": [box]} for box in pictures[0][1]]),
        (concepts, [{"kind": "phrase", "phrase": phrase} for phrase in PHRASES]),
    ):
        runs = []
        for most in (8, 8, 4, 2):
            monkeypatch.setattr(model.prompt_batcher, "max_size", most)
            model.set_image(pictures[0][0])
            with rle_worker_pool(2):
                runs.append([list(one) for one in model.predict(prompts)])
        assert runs[0] == runs[1] and sum(map(len, runs[0])) >= 6
        for other in runs[2:]:
            for mine, theirs in zip(runs[0], other, strict=True):
                assert [one.score for one in mine] == pytest.approx([one.score for one in theirs], abs=1e-3)
                for one, two in zip(mine, theirs, strict=True):
                    decoded = coco_mask.decode({"size": [SIDE, SIDE], "counts": two.rle}).astype(bool)
                    assert _iou(one, decoded) >= 0.999


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (8000, 8000)])
def test_pictures_of_one_pixel_and_of_8000_are_answered(spatial, concepts, size):
    from PIL import Image

    width, height = size
    image = Image.new("RGB", size, (180, 60, 50))
    box = {"x0": 0, "y0": 0, "x1": width, "y1": height, "label": 1}
    point = {"x": width / 2, "y": height / 2, "label": 1}
    asked = [
        {"kind": "box", "points": None, "boxes": [box]},
        {"kind": "point", "points": [point], "boxes": None},
    ] * 2
    for model, prompts in ((spatial, asked), (concepts, [{"kind": "phrase", "phrase": "apple"}])):
        model.set_image(image)
        for one in (one for found in model.predict(prompts) for one in found):
            assert 0 < one.area <= width * height
            assert sum(coco_mask.area([{"size": [height, width], "counts": one.rle}])) == one.area


def test_a_large_picture_makes_smaller_batches(spatial, monkeypatch):
    from PIL import Image

    from samgap.models.runtime import batching

    monkeypatch.setattr(batching, "get_free_memory_bytes", lambda device: 3e9)
    sizes = []
    for side in (200, 8000):
        spatial.set_image(Image.new("RGB", (side, side)))
        sizes.append(spatial.prompt_batcher.batch_size(spatial.bytes_per_prompt))
    assert sizes[0] == sam2.MAX_PROMPTS_PER_BATCH and sizes[1] < sizes[0]


def test_a_phrase_longer_than_the_context_is_cut_as_the_package_cuts_it_and_told(concepts, pictures):
    long = " ".join(["red apple"] * 20)
    concepts.warnings.clear()
    concepts.set_image(pictures[0][0])
    found = concepts.predict([{"kind": "phrase", "phrase": long}, {"kind": "phrase", "phrase": "apple"}])
    context = yaml.safe_load((DEMO / "sam3-demo.architecture.yaml").read_text())["context"]
    assert concepts.warnings == [f"phrase of 42 tokens cut to the model's {context}: {long!r}"]
    concepts.predict([{"kind": "phrase", "phrase": long}])
    assert len(concepts.warnings) == 1  # told once
    assert len(found) == 2


def test_torch_is_as_every_job_has_it():
    _device.init_torch(1)
    first = torch.rand(3)
    _device.init_torch(1)
    assert torch.equal(first, torch.rand(3)) and torch.get_num_threads() == 1
