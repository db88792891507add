"""The setting of TF32 and autocast holds whatever the packages do when they are imported or their models are built."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from samgap.models import grounded, owlv2, sam2, sam3
from samgap.models.runtime import arithmetic
from samgap.models.runtime.arithmetic import is_tf32_used, restore_arithmetic, set_arithmetic
from samgap.models.runtime.precision import Precision
from samgap.models.sam2 import image as sam2_image
from samgap.models.sam2 import video as sam2_video
from samgap.models.sam3 import image as sam3_image
from samgap.models.sam3 import video as sam3_video
from samgap.models.sam3.build import build_small
from samgap.models.shape import Shape
from samgap.predictions.run import open_model
from samgap.predictions.shard import predict_images
from samgap.training import loop
from samgap.training.tasks import Batch
from tests.helpers.demo_weights import (
    OWLV2_OPTIONS,
    SAM2_OPTIONS,
    SAM2_WEIGHTS,
    SAM3_OPTIONS,
    SAM3_WEIGHTS,
    SMALLER_ARCHITECTURE,
)

ROOT = Path(__file__).parents[4]
HEAD_OPTIONS = {"architecture": SMALLER_ARCHITECTURE, "interactive": True}
GROUNDED_OPTIONS = {
    "parts": {"detector": {"family": "sam3", **SAM3_OPTIONS}, "segmenter": {"family": "sam2", **SAM2_OPTIONS}}
}


@pytest.fixture(autouse=True)
def _restore_flags(monkeypatch):
    """The flags of this process and the job's setting are restored after each test."""
    monkeypatch.setattr(arithmetic, "_tf32_of_job", None)
    before = is_tf32_used()
    yield
    torch.set_float32_matmul_precision("highest")
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
    torch.set_autocast_enabled("cuda", False)


def act_as_import_of_sam3(tf32=True):
    """Do what `import sam3` does on an Ampere GPU, and what the constructor of its tracker does."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32
    torch.set_autocast_enabled("cuda", True)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(3)
    torch.save(owlv2.build_model(OWLV2_OPTIONS).state_dict(), folder / "owlv2.pt")
    head = build_small(HEAD_OPTIONS["architecture"], interactive=True)
    torch.save({"model": head.state_dict()}, folder / "head.pt")
    return folder


OPENED = {
    "sam2": (sam2, SAM2_OPTIONS, lambda folder: SAM2_WEIGHTS),
    "sam2 tracker": (sam2, SAM2_OPTIONS, lambda folder: SAM2_WEIGHTS),
    "sam3": (sam3, SAM3_OPTIONS, lambda folder: SAM3_WEIGHTS),
    "sam3 with head": (sam3, HEAD_OPTIONS, lambda folder: folder / "head.pt"),
    "sam3 tracker": (sam3, HEAD_OPTIONS, lambda folder: folder / "head.pt"),
    "owlv2": (owlv2, OWLV2_OPTIONS, lambda folder: folder / "owlv2.pt"),
    "grounded": (grounded, GROUNDED_OPTIONS, lambda folder: {"detector": SAM3_WEIGHTS, "segmenter": SAM2_WEIGHTS}),
}


@pytest.mark.parametrize("tf32", [True, False])
@pytest.mark.parametrize("name", OPENED)
def test_the_setting_holds_after_a_family_is_opened(name, tf32, weights, monkeypatch):
    for module in (sam2_image, sam2_video, sam3_image, sam3_video, owlv2):
        load_weights = module.load_weights

        def load_and_change(*args, load_weights=load_weights, **kwargs):
            act_as_import_of_sam3(not tf32)
            load_weights(*args, **kwargs)

        monkeypatch.setattr(module, "load_weights", load_and_change)
    set_arithmetic(tf32)
    family, options, find_weights = OPENED[name]
    open_model(family, options, find_weights(weights), "cpu", is_sequence="tracker" in name)
    assert is_tf32_used() == (tf32, tf32)
    assert not torch.is_autocast_enabled("cuda")


IMPORT_SCRIPT = """
import sys
import torch

class Ampere:
    major = 9

torch.cuda.is_available = lambda: sys._getframe(1).f_code.co_filename.endswith("model_builder.py")
torch.cuda.get_device_properties = lambda _: Ampere

from samgap.models.runtime.arithmetic import is_tf32_used, set_arithmetic
from samgap.models.runtime.assumptions import record_assumptions
from samgap.models import grounded, sam2
from samgap.predictions.run import open_model
from tests.helpers.demo_weights import SAM2_OPTIONS, SAM2_WEIGHTS, SAM3_OPTIONS, SAM3_WEIGHTS

set_arithmetic(False)
open_model(sam2, SAM2_OPTIONS, SAM2_WEIGHTS, "cpu", is_sequence=False)
assert "sam3" not in sys.modules and is_tf32_used() == (False, False)
parts = {"detector": {"family": "sam3", **SAM3_OPTIONS}, "segmenter": {"family": "sam2", **SAM2_OPTIONS}}
weights = {"detector": SAM3_WEIGHTS, "segmenter": SAM2_WEIGHTS}
open_model(grounded, {"parts": parts}, weights, "cpu", is_sequence=False)
assert "sam3" in sys.modules and is_tf32_used() == (False, False)
# The package would have switched it on.
sys.modules["sam3.model_builder"]._setup_tf32()
assert is_tf32_used() == (True, True)
"""


def test_a_later_import_of_sam3_does_not_change_the_setting():
    command = [sys.executable, "-W", "ignore", "-c", IMPORT_SCRIPT]
    run = subprocess.run(
        command, cwd=ROOT, env={"PYTHONPATH": "src:.", "PATH": ""}, encoding="utf-8", capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]


def test_the_setting_holds_for_each_image(tmp_path):
    settings = []

    class Changing(Shape):
        def set_image(self, image):
            settings.append((*is_tf32_used(), torch.is_autocast_enabled("cuda")))
            super().set_image(image)
            act_as_import_of_sam3()

    for number in range(3):
        Image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(tmp_path / f"{number}.png")
    images = pd.DataFrame([{"image_id": n, "file": f"{n}.png", "width": 40, "height": 30} for n in range(3)])
    box = {"x0": 5, "y0": 5, "x1": 15, "y1": 25, "label": 1}
    prompts = pd.DataFrame([{"prompt_id": str(n), "image_id": n, "kind": "box", "boxes": [box]} for n in range(3)])
    set_arithmetic(False)
    list(predict_images(Changing("box"), images, tmp_path, prompts, "cpu"))
    assert settings == [(False, False, False)] * 3


def test_the_setting_holds_for_each_step_of_a_training(tmp_path):
    settings = []

    class Task:
        model = torch.nn.Linear(2, 1)

        def sample_batch(self, rng):
            return Batch(None, [])

        def compute_batch_losses(self, batch, rng):
            settings.append((*is_tf32_used(), torch.is_autocast_enabled("cuda")))
            act_as_import_of_sam3()
            return {"total": self.model.weight.sum()}

        def validate(self):
            return {}

    set_arithmetic(False)
    loop.train(Task(), {"steps": 3, "learning-rate": 0.1}, 1, "cpu", tmp_path / "state.pt", {})
    assert settings == [(False, False, False)] * 3


@pytest.mark.parametrize("tf32", [True, False])
@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_the_setting_leaves_32_bits_on_the_cpu(tf32, precision):
    set_arithmetic(tf32)
    torch.set_float32_matmul_precision(precision)  # as a package may do
    restore_arithmetic()
    assert is_tf32_used() == (tf32, tf32)
    assert torch.get_float32_matmul_precision() == ("high" if tf32 else "highest")
    assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"
    assert torch.backends.mkldnn.conv.fp32_precision in ("none", "ieee")


def test_without_a_setting_nothing_is_changed():
    act_as_import_of_sam3()
    restore_arithmetic()
    assert is_tf32_used() == (True, True) and torch.is_autocast_enabled("cuda")


def test_a_model_in_32_bits_switches_autocast_off():
    matrix = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with Precision("fp32").autocast("cpu"):
            assert (matrix @ matrix).dtype == torch.float32
        with Precision("bf16").autocast("cpu"):
            assert (matrix @ matrix).dtype == torch.bfloat16
