"""Training of SAM2: its losses fall, and each kind of step trains the parts that it should."""

import dataclasses
import functools
import io

import numpy as np
import pytest
import torch
from PIL import Image

from samgap.io.files import write_json
from samgap.masks import rle as masks
from samgap.training import loop
from samgap.training.batches import sample_seeded_batch
from samgap.training.sam2 import prompt_losses
from samgap.training.sam2 import task as sam2
from samgap.training.sam2.clicks import make_box_prompts
from samgap.training.tasks import DatasetSource
from tests.helpers import training_tasks

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


def open_task(data, file="masks.json", validation_file="masks.json", **options):
    # With other initial weights the model may predict that there is no object; object pointers then have no effect.
    return training_tasks.open_task(
        sam2,
        training_tasks.SAM2_MODEL,
        DatasetSource(data, data / file),
        None,
        validation=DatasetSource(data, data / validation_file),
        seed=3,
        **{"image-size": 64, **options},
    )


def find_trained_parameters(task, seed=0):
    """Return the names of the parameters with a gradient in one step."""
    torch.manual_seed(seed)
    task.model.train()
    task.model.zero_grad()
    training_tasks.compute_losses(task, seed)["total"].backward()
    return {name for name, value in task.model.named_parameters() if value.grad is not None and value.grad.any()}


@pytest.mark.parametrize("options", [{}, {"clips": {**CLIPS, "share": 0.5}}])
def test_losses_fall_and_an_interrupted_training_resumes(orchard_source, tmp_path, monkeypatch, options):
    open_again = functools.partial(
        training_tasks.open_task, sam2, training_tasks.SAM2_MODEL, orchard_source, tmp_path, **options
    )
    training_tasks.assert_losses_fall_and_training_resumes(open_again, tmp_path, monkeypatch)


def test_the_weights_have_the_same_shapes_at_every_size_and_with_clips(data):
    small, large = open_task(data), open_task(data, **{"image-size": 128, "clips": CLIPS})
    large.model.load_state_dict(small.model.state_dict())
    assert (small.model.image_size, large.model.image_size) == (64, 128)


def test_steps_on_images_train_points_and_boxes_and_with_clicks_mask_prompts(data):
    plain = set.union(*(find_trained_parameters(open_task(data, batch=8), seed) for seed in range(2)))
    clicks = set.union(*(find_trained_parameters(open_task(data, batch=8, clicks=2), seed) for seed in range(2)))
    prompts = {f"sam_prompt_encoder.point_embeddings.{index}.weight" for index in (1, 2, 3)}
    assert prompts | {"image_encoder.trunk.patch_embed.proj.weight", "no_mem_embed"} <= plain
    assert not {name for name in plain if "mask_downscaling" in name or "memory" in name}
    assert clicks - plain >= {"sam_prompt_encoder.mask_downscaling.0.weight"}


def test_steps_on_drawn_ellipses_train_boxes_and_not_the_image_encoder(data):
    trained = find_trained_parameters(open_task(data, drawn=1))
    assert {f"sam_prompt_encoder.point_embeddings.{index}.weight" for index in (2, 3)} <= trained
    assert not {name for name in trained if name.startswith("image_encoder")}


def test_steps_on_clips_train_memory_and_object_pointers(data):
    trained = set.union(*(find_trained_parameters(open_task(data, clips=CLIPS), seed) for seed in range(3)))
    for part in ("memory_attention.layers.0", "memory_encoder.mask_downsampler", "obj_ptr_proj", "maskmem_tpos_enc"):
        assert any(name.startswith(part) for name in trained), part


def test_validation_scores_boxes_points_and_clips(data, monkeypatch):
    monkeypatch.setattr(sam2, "VALIDATION_CLIPS", 1)
    monkeypatch.setattr(sam2, "VALIDATION_FRAMES", 3)
    scores = open_task(data, clips=CLIPS).validate()
    assert set(scores) == {"val_box_iou", "val_point_iou", "val_clip_iou"}
    assert all(0 <= score.value <= 1 and score.n == 1 for score in scores.values())
    assert scores["val_box_iou"].lower is None  # one image


def test_a_validation_data_set_without_masks_has_no_scores(data):
    task = open_task(data, validation_file="boxes.json")
    assert task.validate() == {}


def test_two_batches_have_the_gradient_of_one_with_all_their_images(data, monkeypatch):
    """The objects of the batches differ in number, so that a divisor of each batch alone would be seen."""
    monkeypatch.setattr(prompt_losses, "sample_first_prompts", lambda batch, *arguments: [make_box_prompts(batch)])
    task = open_task(data, objects=1)
    first, second = (sample_seeded_batch(task, 0, 0, position) for position in range(2))
    few, many = first.data, second.data
    doubled = [torch.cat([getattr(many, field.name)] * 2) for field in dataclasses.fields(many)]
    many = sam2.ObjectBatch(*doubled)
    many.pixels, many.image_indices = second.data.pixels, second.data.image_indices.repeat(2)
    joined = sam2.ObjectBatch(
        *(torch.cat([getattr(few, field.name), getattr(many, field.name)]) for field in dataclasses.fields(few))
    )
    joined.image_indices[len(few.image_indices) :] += len(few.pixels)

    def compute_gradients(batches):
        task.model.zero_grad()
        n_objects = sum(len(batch.image_indices) for batch in batches)
        for batch in batches:
            losses = task._compute_image_losses(batch, n_objects / len(batches), np.random.default_rng(0))
            (losses["total"] / len(batches)).backward()
        return {name: value.grad for name, value in task.model.named_parameters() if value.grad is not None}

    one, several = compute_gradients([joined]), compute_gradients([few, many])
    assert one.keys() == several.keys()
    scale = max(float(value.abs().max()) for value in one.values())
    for name, value in one.items():
        assert torch.allclose(value, several[name], rtol=1e-4, atol=1e-6 * scale), name


@pytest.mark.parametrize("options", [{"drawn": 1}, {"clips": CLIPS}, {"precision": "bf16"}])
def test_all_kinds_of_batches_train_with_workers_accumulation_and_bf16(data, tmp_path, options):
    options = {"steps": 2, "learning-rate": 1e-3, "accumulate": 2, **options}
    weights = []
    for n_workers in (0, 2):
        task = open_task(data, **options)
        history = loop.train(task, options, 3, "cpu", tmp_path / f"{n_workers}.pt", {}, n_workers=n_workers).history
        assert all(np.isfinite(row["value"]) for row in history)
        weights.append(task.model.state_dict())
    for name, value in weights[0].items():
        assert torch.equal(value, weights[1][name]), name


def test_activation_checkpointing_changes_no_gradient(data):
    def store(sizes, value):
        sizes.append(value.numel())
        return value

    gradients = []
    for is_on in (False, True):
        task = open_task(data, **{"activation-checkpointing": is_on})
        task.model.train()
        task.model.zero_grad()
        stored = []  # the activations
        with torch.autograd.graph.saved_tensors_hooks(functools.partial(store, stored), lambda value: value):
            losses = training_tasks.compute_losses(task)
        losses["total"].backward()
        gradients.append((sum(stored), {name: value.grad for name, value in task.model.named_parameters()}))
    assert gradients[1][0] < gradients[0][0]
    for name, value in gradients[0][1].items():
        assert value is None or torch.allclose(value, gradients[1][1][name], rtol=1e-4, atol=1e-6), name
