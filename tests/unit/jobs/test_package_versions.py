"""The versions of the packages that a rule's results depend on, and of no others."""

import pytest

from samgap.jobs.package_versions import list_script_versions, summarize_changed_versions

NETWORKS = {"torch", "torchvision", "sam2", "sam3", "transformers", "open_clip_torch"}


@pytest.mark.parametrize(
    ("script", "modules", "expected", "not_expected"),
    [
        ("predictions/predict", ["models.sam2"], {"torch", "torchvision", "sam2", "numpy", "pycocotools"}, {"pandas"}),
        ("predictions/predict", ["models.sam3"], {"torch", "sam3", "open_clip_torch", "numpy"}, {"transformers"}),
        ("predictions/predict", ["models.owlv2"], {"torch", "transformers", "pillow"}, {"pyarrow"}),
        ("training/train", ["training.sam3"], {"torch", "sam3", "numpy"}, {"requests", "training"}),
        ("matching/match", [], {"numpy", "scipy", "pycocotools"}, NETWORKS),
        ("prompts/prompts", ["prompts.box"], {"numpy", "pycocotools"}, NETWORKS),
        ("datasets/dataset", ["datasets.orchard_sim"], {"numpy", "pillow"}, NETWORKS),
        ("statistics/estimate", ["metrics.iou"], {"numpy", "scipy"}, NETWORKS | {"pandas"}),
        ("paper/figure", ["paper.figures.estimates"], {"matplotlib"}, NETWORKS),
        ("datasets/fetch_archive", [], set(), NETWORKS | {"numpy", "requests", "urllib3"}),
    ],
)
def test_versions_are_those_of_the_imported_packages(script, modules, expected, not_expected):
    versions = list_script_versions(f"scripts/{script}.py", *(f"samgap.{module}" for module in modules))
    assert expected <= versions.keys() and not not_expected & versions.keys()
    assert list(versions) == sorted(versions)
    assert all(versions[name] for name in expected)


def test_a_model_without_a_network_depends_on_no_package_of_networks():
    """The script of all models imports torch, which its jobs do not use."""
    arguments = ("scripts/predictions/predict.py", "samgap.models.shape")
    assert "torch" in list_script_versions(*arguments)
    versions = list_script_versions(*arguments, has_network=False)
    assert {"numpy", "pycocotools"} <= versions.keys() and not NETWORKS & versions.keys()


def test_changed_versions_are_summarized_by_package_and_rule():
    old = {"numpy": "2.3.5", "torch": "2.11.0"}
    new = {"numpy": "2.4.6", "torch": None}
    changes = [
        ("predict", {repr(old), "'abc'"}, {repr(new), "'def'"}),
        ("predict", {repr(old)}, {repr(new)}),
        ("match_predictions", {repr({"numpy": "2.3.5"})}, {repr({"numpy": "2.4.6"})}),
        ("estimate", {repr({"iou": "numpy"}), "<object>"}, {"'numpy'", "7"}),
        ("dataset", {repr(old)}, {"'other code'"}),
    ]
    assert summarize_changed_versions(changes) == [
        "numpy 2.3.5 -> 2.4.6: 1 match_predictions, 2 predict",
        "torch 2.11.0 -> not installed: 2 predict",
    ]
    assert summarize_changed_versions([]) == []
