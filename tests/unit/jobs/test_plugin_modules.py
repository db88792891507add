"""The modules that the configuration names, as dotted names."""

import re

from samgap.jobs import plugin_modules
from samgap.jobs.code_hash import PACKAGE_DIR

CONFIG = {
    "datasets": {"simulated": {"kind": "orchard-sim"}},
    "prompts": {"point-box": {"kind": "point-box"}},
    "models": {
        "segmenter": {"family": "sam2"},
        "detector": {"family": "owlv2"},
        "composed": {"family": "grounded", "detector": "detector", "segmenter": "segmenter"},
    },
    "trainings": {"fine-tuning": {"family": "sam3"}},
}


def test_a_kind_or_family_names_its_module():
    assert plugin_modules.get_dataset_module(CONFIG, "simulated") == "samgap.datasets.orchard_sim"
    assert plugin_modules.get_prompts_module(CONFIG, "point-box") == "samgap.prompts.point_box"
    assert plugin_modules.list_model_modules(CONFIG, "segmenter") == ["samgap.models.sam2"]
    assert plugin_modules.get_training_module(CONFIG, "fine-tuning") == "samgap.training.sam3"


def test_a_composed_model_needs_the_families_of_its_components():
    modules = plugin_modules.list_model_modules(CONFIG, "composed")
    assert modules == ["samgap.models.grounded", "samgap.models.owlv2", "samgap.models.sam2"]


def test_metrics_with_variants_share_a_module():
    entries = [{"metrics": ["iou", "boundary-f-2px"]}, {"metrics": ["boundary-f-1px", "iou"]}]
    assert plugin_modules.list_metric_modules(entries) == ["samgap.metrics.boundary_f", "samgap.metrics.iou"]


def test_a_figure_needs_its_script_its_module_and_the_labels_of_metrics():
    config = {"experiments": {"boxes": {"metrics": ["iou"]}}, "comparisons": {"models": {"metrics": ["dice"]}}}
    assert plugin_modules.list_paper_code(config, "figures", "estimates") == [
        "scripts/paper/figure.py",
        "samgap.paper.figures.estimates",
        "samgap.metrics.dice",
        "samgap.metrics.iou",
    ]
    assert plugin_modules.get_paper_source("tables", "results").is_file()


def test_a_table_needs_the_labels_of_the_metrics_in_its_rows():
    rows = [{"measured": [{"metric": "leakage"}, {"quantity": "layers"}]}, {"measured": []}]
    config = {"experiments": {}, "comparisons": {}, "tables": {"evaluation": {"rows": rows}}}
    assert plugin_modules.list_paper_code(config, "tables", "evaluation") == [
        "scripts/paper/table.py",
        "samgap.paper.tables.evaluation",
        "samgap.metrics.leakage",
    ]


def test_a_figure_without_metrics_needs_none_of_their_modules():
    config = {"experiments": {"boxes": {"metrics": ["iou"]}}, "comparisons": {}}
    assert plugin_modules.list_paper_code(config, "figures", "contact-sheet") == [
        "scripts/paper/figure.py",
        "samgap.paper.figures.contact_sheet",
    ]


def test_a_module_of_an_option_is_unused_by_models_without_it():
    """SAM3's interactive head is SAM2's, whose module it imports."""
    interactive = "samgap.models.sam3.interactive"
    models = {
        "words": {"family": "sam3"},
        "whole": {"family": "sam3", "interactive": True},
        "boxes": {"family": "sam2"},
        "both": {"family": "grounded", "detector": "words", "segmenter": "whole"},
        "words-only": {"family": "grounded", "detector": "words", "segmenter": "boxes"},
    }
    unused = {model: plugin_modules.list_unused_modules({"models": models}, model) for model in models}
    assert unused == {"words": (interactive,), "whole": (), "boxes": (), "both": (), "words-only": (interactive,)}


def test_only_the_function_for_the_head_imports_the_interactive_module():
    """Then a model without the head cannot import it: its hash leaves the module out."""
    pattern = re.compile(
        r"^ *from samgap\.models\.sam3(\.interactive import|.* import .*\binteractive\b)", re.MULTILINE
    )
    counts = {path: len(pattern.findall(path.read_text(encoding="utf-8"))) for path in PACKAGE_DIR.rglob("*.py")}
    image = PACKAGE_DIR / "models" / "sam3" / "image.py"
    training = PACKAGE_DIR / "demo_models" / "sam3_interactive.py"  # trains the head; no model imports it
    assert {path: count for path, count in counts.items() if count} == {
        image: 2,
        training: 1,
    }  # 2: a type, the function
    text = image.read_text(encoding="utf-8")
    assert text.count("_open_interactive_head(") == 2
    condition = "if model.inst_interactive_predictor is not None:"
    assert re.search(re.escape(condition) + r"\n +self\.interactive_head = _open_interactive_head\(", text)
