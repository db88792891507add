"""A job requests a GPU if its family needs one and the configuration allows it."""

from pathlib import Path

import pytest

from samgap.jobs import resources


@pytest.mark.parametrize(
    ("device", "stage", "family", "expected"),
    [
        ("auto", "models", "sam2", 1),
        ("cuda", "models", "grounded", 1),
        ("cpu", "models", "sam2", 0),
        ("auto", "models", "shape", 0),
        ("auto", "training", "sam3", 1),
        ("cpu", "training", "sam3", 0),
    ],
)
def test_gpus_of_a_family(device, stage, family, expected):
    assert resources.count_gpus({"device": device}, stage, family) == expected


def test_a_family_declares_that_it_needs_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "src" / "samgap"
    for stage, marker in (("models", "KINDS = ()"), ("training", "def open_task():\n    pass")):
        (package / stage).mkdir(parents=True)
        (package / stage / "on_cpu.py").write_text(f"{marker}\nNEEDS_GPU = False\n", encoding="utf-8")
    monkeypatch.setattr(resources, "PACKAGE_DIR", package)
    assert not resources.needs_gpu("models", "on-cpu") and not resources.needs_gpu("training", "on-cpu")
    assert resources.count_gpus({"device": "auto"}, "models", "on-cpu") == 0
    assert resources.count_gpus({"device": "auto"}, "training", "on-cpu") == 0
