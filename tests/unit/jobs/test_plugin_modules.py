"""The modules that the configuration names, as dotted names."""

from pathlib import Path

import pytest

from samgap.jobs import plugin_modules

CONFIG = {
    "datasets": {"drawn": {"kind": "orchard-sim"}},
    "prompts": {"both": {"kind": "point-box"}},
    "models": {
        "segmenter": {"family": "sam2"},
        "detector": {"family": "owlv2"},
        "composed": {"family": "grounded", "detector": "detector", "segmenter": "segmenter"},
    },
    "trainings": {"fine-tuning": {"family": "sam3"}},
}


def test_a_kind_or_family_names_its_module():
    assert plugin_modules.dataset_module(CONFIG, "drawn") == "samgap.datasets.orchard_sim"
    assert plugin_modules.prompts_module(CONFIG, "both") == "samgap.prompts.point_box"
    assert plugin_modules.model_modules(CONFIG, "segmenter") == ["samgap.models.sam2"]
    assert plugin_modules.training_module(CONFIG, "fine-tuning") == "samgap.training.sam3"


def test_a_composed_model_needs_the_families_of_its_components():
    modules = plugin_modules.model_modules(CONFIG, "composed")
    assert modules == ["samgap.models.grounded", "samgap.models.owlv2", "samgap.models.sam2"]


def test_metrics_with_variants_share_a_module():
    entries = [{"metrics": ["iou", "boundary-f-2px"]}, {"metrics": ["boundary-f-1px", "iou"]}]
    assert plugin_modules.metric_modules(entries) == ["samgap.metrics.boundary_f", "samgap.metrics.iou"]


@pytest.mark.parametrize(("section", "script"), [("figures", "figure"), ("tables", "table")])
def test_a_figure_is_a_script_or_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section, script):
    package = tmp_path / "src" / "samgap"
    monkeypatch.setattr(plugin_modules, "PACKAGE_DIR", package)
    assert plugin_modules.paper_code(section, "by-size") == [f"scripts/paper/{section}/by-size.py"]
    assert plugin_modules.paper_source(section, "by-size") == tmp_path / f"scripts/paper/{section}/by-size.py"
    module = package / "paper" / section / "by_size.py"
    module.parent.mkdir(parents=True)
    module.touch()
    assert plugin_modules.paper_code(section, "by-size") == [
        f"scripts/paper/{script}.py",
        f"samgap.paper.{section}.by_size",
    ]
    assert plugin_modules.paper_source(section, "by-size") == module
