"""SAM2's training reaches every part that it is to teach; its weights fit whatever the size and the kind of step."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from samgap.io.files import write_json
from samgap.masks import rle as masks
from samgap.training.loop import DatasetSource
from samgap.training.sam2 import task as sam2

ROOT = Path(__file__).parents[3]
CLIPS = {"share": 1.0, "frames": 3, "videos": 1, "objects": 2}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disc")
    rows, columns = np.mgrid[:96, :96]
    mask = (rows - 50) ** 2 + (columns - 40) ** 2 <= 22**2
    pixels = np.full((96, 96, 3), (20, 160, 20), np.uint8)
    pixels[mask] = (230, 20, 20)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    (folder / "a.png").write_bytes(stream.getvalue())
    rle = {"size": [96, 96], "counts": masks.encode(mask)["counts"].decode()}
    row = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [18, 28, 45, 45], "area": int(mask.sum())}
    content = {
        "info": {"nouns": ["apple"], "attributes": {}},
        "images": [{"id": 1, "file_name": "a.png", "width": 96, "height": 96, "group": "a"}],
        "categories": [{"id": 1, "name": "apple"}],
    }
    write_json(folder / "masks.json", {**content, "annotations": [{**row, "segmentation": rle}]})
    write_json(folder / "boxes.json", {**content, "annotations": [{**row, "segmentation": None}]})
    return folder


def task(data, file="masks.json", **options):
    torch.manual_seed(3)
    overrides = yaml.safe_load((ROOT / "config" / "demo" / "sam2-demo.overrides.yaml").read_text())
    validation = DatasetSource(data, data / "masks.json")
    return sam2.open_task(
        options={"batch": 2, "objects": 4, "image-size": 64, **options},
        model={"config": "configs/sam2.1/sam2.1_hiera_t.yaml", "overrides": overrides},
        phrases=None,
        data=[DatasetSource(data, data / file)],
        validation=validation,
        device="cpu",
        scratch=None,
    )


def taught(task, seed=0):
    """The names of the parameters that a step moves."""
    torch.manual_seed(seed)
    task.model.train()
    task.model.zero_grad()
    task.loss(np.random.default_rng(seed))["total"].backward()
    return {name for name, value in task.model.named_parameters() if value.grad is not None and value.grad.any()}


def test_weights_fit_whatever_the_size_and_the_kind_of_step(data):
    small, large = task(data), task(data, **{"image-size": 128, "clips": CLIPS})
    large.model.load_state_dict(small.model.state_dict())
    assert (small.model.image_size, large.model.image_size) == (64, 128)


def test_images_teach_points_and_boxes_and_clicks_teach_masks_as_prompts(data):
    plain = set.union(*(taught(task(data, batch=8), seed) for seed in range(2)))
    clicks = set.union(*(taught(task(data, batch=8, clicks=2), seed) for seed in range(2)))
    prompts = {f"sam_prompt_encoder.point_embeddings.{number}.weight" for number in (1, 2, 3)}
    assert prompts | {"image_encoder.trunk.patch_embed.proj.weight", "no_mem_embed"} <= plain
    assert not {name for name in plain if "mask_downscaling" in name or "memory" in name}
    assert clicks - plain >= {"sam_prompt_encoder.mask_downscaling.0.weight"}


def test_drawn_places_teach_boxes_and_leave_the_image_encoder_alone(data):
    moved = taught(task(data, drawn=1))
    assert {"sam_prompt_encoder.point_embeddings.2.weight", "sam_prompt_encoder.point_embeddings.3.weight"} <= moved
    assert not {name for name in moved if name.startswith("image_encoder")}


def test_clips_teach_memory_and_pointers(data):
    moved = set.union(*(taught(task(data, clips=CLIPS), seed) for seed in range(3)))
    for part in ("memory_attention.layers.0", "memory_encoder.mask_downsampler", "obj_ptr_proj", "maskmem_tpos_enc"):
        assert any(name.startswith(part) for name in moved), part


def test_no_click_corrects_an_estimated_mask(data):
    # With an estimate the terms of later rounds weigh nothing: the loss is that of the first round alone.
    asked = task(data, "boxes.json", clicks=2)
    losses, weights = [], []
    original = sam2.compute_losses
    try:
        sam2.compute_losses = lambda *arguments: weights.append(arguments[4].tolist()) or original(*arguments)
        for seed in range(4):
            losses.append(float(asked.loss(np.random.default_rng(seed))["total"]))
    finally:
        sam2.compute_losses = original
    assert all(np.isfinite(losses))
    flat = [weight for row in weights for weight in row]
    assert 0.0 in flat and 0 < max(flat) <= 0.5


def test_validation_asks_by_box_point_and_clip(data, monkeypatch):
    monkeypatch.setattr(sam2, "VALIDATION_CLIPS", 1)
    monkeypatch.setattr(sam2, "VALIDATION_FRAMES", 3)
    figures = task(data, clips=CLIPS).validate()
    assert set(figures) == {"val_box_iou", "val_point_iou", "val_clip_iou"}
    assert all(0 <= value <= 1 for value in figures.values())
