"""The training loop: it resumes where it stopped, and each family's real losses fall on a few scenes."""

import io
import itertools
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from pycocotools import mask as coco_mask

from samgap.datasets import orchard_sim
from samgap.demo_models import sam3_dense
from samgap.errors import UserError
from samgap.io.files import write_json
from samgap.models.runtime.device import cuda_shim
from samgap.models.sam3 import build
from samgap.training import loop
from samgap.training.sam2 import task as sam2
from samgap.training.sam3 import task as sam3

ROOT = Path(__file__).parents[3]
PHRASES = [
    {"phrase": "apple", "noun": "apple"},
    {"phrase": "orange", "noun": "orange"},
    {"phrase": "leaf", "other": True},
]

WORDS = {"positives": 2, "loss-weights": {"loss_match": 2.0}}
TRAININGS = [(sam2, {}), (sam3, {}), (sam3, WORDS), (sam3, {"dense": True}), (sam3, {"dense": True, **WORDS})]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    images, annotations = [], []
    for number, picture in enumerate(orchard_sim.iter_images({"scenes": 6, "size": 128, "seed": 11}, {}, 0), start=1):
        Image.open(io.BytesIO(picture.encoded_bytes)).save(folder / picture.file_name)
        images.append(
            {"id": number, "file_name": picture.file_name, "width": 128, "height": 128, "group": picture.group}
        )
        for label in picture.annotations:
            rle = coco_mask.encode(np.asfortranarray(label.mask.astype(np.uint8)))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": orchard_sim.NOUNS.index(label.noun) + 1,
                    "bbox": coco_mask.toBbox(rle).tolist(),
                    "area": int(coco_mask.area(rle)),
                    "segmentation": {"size": [128, 128], "counts": rle["counts"].decode()},
                    "ignore": int(label.ignore),
                    "attributes": dict(label.attributes),
                }
            )
    categories = [{"id": number, "name": noun} for number, noun in enumerate(orchard_sim.NOUNS, start=1)]
    write_json(
        folder / "instances.json",
        {
            "info": orchard_sim.describe_labels({}),
            "images": images,
            "annotations": annotations,
            "categories": categories,
        },
    )
    return loop.DatasetSource(folder, folder / "instances.json")


def _task(family, data, tmp_path, phrases=PHRASES, **options):
    torch.manual_seed(5)
    demo = ROOT / "config" / "demo"
    models = {
        sam2: {
            "config": "configs/sam2.1/sam2.1_hiera_t.yaml",
            "overrides": yaml.safe_load((demo / "sam2-demo.overrides.yaml").read_text()),
        },
        sam3: {"architecture": yaml.safe_load((demo / "sam3-demo.architecture.yaml").read_text())},
    }
    small = {"image-size": 128 if family is sam2 else 256}
    return family.open_task(
        options={"batch": 2, "objects": 4, "negatives": 1, **small, **options},
        model=models[family],
        phrases=phrases,
        data=[data],
        validation=data,
        device="cpu",
        scratch=tmp_path,
    )


@pytest.mark.parametrize(("family", "more"), TRAININGS)
def test_losses_fall_and_a_killed_training_goes_on_to_the_same_weights(family, more, data, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY", 2)
    for task in (family.Task, sam3_dense.DenseTask):
        monkeypatch.setattr(task, "validate", lambda self: {"val": 1.0})
    options = {"steps": 8, "learning-rate": 1e-3, "warm-up": 2, "validate-every": 4, **more}
    whole = _task(family, data, tmp_path, **options)
    history = loop.train(whole, options, 3, "cpu", tmp_path / "a.pt", {"recipe": 1})
    totals = [row["value"] for row in history if row["term"] == "total"]
    assert totals[-1] < totals[0]

    killed = _task(family, data, tmp_path, **options)
    step = loop._step

    def die(*arguments):
        if killed.steps == 6:
            raise KeyboardInterrupt
        killed.steps += 1
        return step(*arguments)

    killed.steps = 0
    monkeypatch.setattr(loop, "_step", die)
    with pytest.raises(KeyboardInterrupt):
        loop.train(killed, options, 3, "cpu", tmp_path / "b.pt", {"recipe": 1})
    steps = []
    monkeypatch.setattr(loop, "_step", lambda *arguments: steps.append(1) or step(*arguments))
    resumed = _task(family, data, tmp_path, **options)
    again = loop.train(resumed, options, 3, "cpu", tmp_path / "b.pt", {"recipe": 1})
    assert len(steps) == 4  # from the state of step 4 on
    assert [(row["step"], row["term"]) for row in again] == [(row["step"], row["term"]) for row in history]
    # The kernels sum in an order that is not fixed, so equal means equal but for rounding.
    assert [row["value"] for row in again] == pytest.approx([row["value"] for row in history], rel=1e-3)
    for key, value in whole.model.state_dict().items():
        assert torch.allclose(value, resumed.model.state_dict()[key], rtol=1e-2, atol=2e-3), key


def test_of_a_dense_training_only_the_image_encoder_learns(data, tmp_path):
    options = {"steps": 1, "learning-rate": 1e-3, "warm-up": 0, "validate-every": 2, "dense": True}
    task = _task(sam3, data, tmp_path, **options)
    before = {key: value.clone() for key, value in task.model.state_dict().items()}
    history = loop.train(task, options, 3, "cpu", tmp_path / "a.pt", {"recipe": 1})
    moved = {key for key, value in task.model.state_dict().items() if not torch.equal(before[key], value)}
    assert moved and all(key.startswith("backbone.vision_backbone.") for key in moved)
    assert {row["term"] for row in history} >= {"loss_noun", "loss_box", "val_thing_iou", "val_cell_f1"}
    assert not any("auxiliary_heads" in key for key in before)


def test_with_words_the_places_teach_the_text_and_the_encoder_too(data, tmp_path):
    options = {"steps": 1, "learning-rate": 1e-3, "warm-up": 0, "validate-every": 2, "dense": True, **WORDS}
    task = _task(sam3, data, tmp_path, **options)
    before = {key: value.clone() for key, value in task.model.state_dict().items()}
    history = loop.train(task, options, 3, "cpu", tmp_path / "a.pt", {"recipe": 1})
    moved = {key for key, value in task.model.state_dict().items() if not torch.equal(before[key], value)}
    for part in ("backbone.vision_backbone.", "backbone.language_backbone.", "transformer.encoder."):
        assert any(key.startswith(part) for key in moved), part
    assert not any(key.startswith("transformer.decoder.") for key in moved)
    assert {row["term"] for row in history} >= {"loss_match", "val_match_f1", "val_match_presence"}


def test_a_step_in_which_nothing_is_there_teaches_presence_and_places_alone(data, tmp_path):
    task = _task(sam3, data, tmp_path, [{"phrase": "ball", "noun": "ball"}], **WORDS)
    (views,) = task.samplers
    views.image_ids = [
        number
        for number in views.image_ids
        if all(item.noun != "ball" for item in views.ground_truth.instances_of(number))
    ]
    assert views.image_ids
    with cuda_shim("cpu"):
        terms = task.loss(np.random.default_rng(0))
    assert float(terms["loss_match"]) > 0 and float(terms["presence_loss"]) > 0
    assert float(terms["loss_bbox"]) == float(terms["loss_ce"]) == 0


def test_what_is_frozen_keeps_its_weights(data, tmp_path):
    task, frozen = _task(sam3, data, tmp_path), ["backbone", "transformer.encoder"]
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    options = {"steps": 2, "learning-rate": 1e-3, "warm-up": 0, "validate-every": 2, "frozen": frozen}
    loop.train(task, options, 0, "cpu", tmp_path / "state.pt", {})
    moved = {name for name, value in task.model.state_dict().items() if not torch.equal(value, before[name])}
    assert not [name for name in moved if name.startswith(tuple(frozen))]
    assert any(name.startswith("transformer.decoder.") for name in moved)
    assert any(name.startswith("segmentation_head.") for name in moved)


def test_what_cannot_be_frozen_is_one_line(data, tmp_path):
    task = _task(sam3, data, tmp_path)
    every = {name.split(".")[0] for name, _ in task.model.named_parameters()}
    for frozen, said in (
        (
            ["backbone", "transformer.enc"],
            "frozen names 'transformer.enc', which the model does not have; its parts are ",
        ),
        (every, "frozen names all of the model"),
    ):
        options = {"steps": 1, "learning-rate": 1e-3, "frozen": sorted(frozen)}
        with pytest.raises(UserError, match=said):
            loop.train(task, options, 0, "cpu", tmp_path / "state.pt", {})


def test_a_state_of_another_recipe_is_not_taken_up(data, tmp_path, monkeypatch):
    monkeypatch.setattr(sam2.Task, "validate", lambda self: {"val": 1.0})
    options = {"steps": 1, "learning-rate": 1e-3}
    loop.train(_task(sam2, data, tmp_path, **options), options, 3, "cpu", tmp_path / "a.pt", {"recipe": 1})
    task = _task(sam2, data, tmp_path, **options)
    before = {key: value.clone() for key, value in task.model.state_dict().items()}
    loop.train(task, options, 3, "cpu", tmp_path / "a.pt", {"recipe": 2})
    # Had the finished state been taken up, no step would have been left to take.
    assert any(not torch.equal(before[key], value) for key, value in task.model.state_dict().items())
    assert (tmp_path / "a.pt").is_file()


def test_the_learning_rate_warms_up_and_falls_to_a_hundredth():
    options = {"steps": 1000, "learning-rate": 2.0, "warm-up": 10}
    rates = [loop.learning_rate(step, options) for step in range(1000)]
    assert rates[0] == pytest.approx(0.2) and max(rates) == pytest.approx(2.0)
    assert rates[-1] == pytest.approx(0.02, rel=1e-2)
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[10:]))


def test_phrases_that_are_not_seen_are_not_trained_on(data, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "PHRASES", [*PHRASES, {"phrase": "pear", "noun": "pear", "seen": False}])
    task = _task(sam3, data, tmp_path)
    rng = np.random.default_rng(0)
    asked = {query.query_text for _ in range(20) for query in task.samplers[0].sample(rng).find_queries}
    assert asked == {"apple", "orange"}  # leaves are not labelled


def test_a_small_sam3_s_weights_fit_every_input_size():
    architecture = {**yaml.safe_load((ROOT / "config" / "demo" / "sam3-demo.architecture.yaml").read_text())}
    small, large = (build.build_small({**architecture, "size": size}).state_dict() for size in (224, 448))
    assert {key: value.shape for key, value in small.items()} == {key: value.shape for key, value in large.items()}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"patch": 14}, "patch is 14, but a stem of 3 widths makes patches of 16 px"),
        ({"depht": 6}, "has the unknown key depht"),
        ({"stem": None}, "lacks stem"),
    ],
)
def test_an_architecture_that_is_none_is_one_line(change, said):
    architecture = yaml.safe_load((ROOT / "config" / "demo" / "sam3-demo.architecture.yaml").read_text()) | change
    with pytest.raises(UserError, match=said):
        build.build_small({key: value for key, value in architecture.items() if value is not None})


def test_no_two_places_of_a_small_sam3_begin_alike():
    architecture = yaml.safe_load((ROOT / "config" / "demo" / "sam3-demo.architecture.yaml").read_text())
    waves = build._make_sinusoidal_embedding(architecture["places"], architecture["embed"])
    assert waves.shape == (architecture["places"] ** 2, architecture["embed"])
    assert (torch.cdist(waves, waves) + 9 * torch.eye(len(waves))).min() > 0.5
