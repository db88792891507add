"""The losses in SAM3's package: its classes, and whether the contrastive loss or winner-takes-all is used."""

import ast
from collections.abc import Iterator

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._source import count_calls, list_classes, list_package_files, parse_module

FILE = "sam3/train/loss/loss_fns.py"
CONTRASTIVE = "_contrastive_align"
SAM2_LOSS = "MultiStepMultiMasksAndIous"
WORDS = {"temporal": ("temporal", "consistency"), "grounding": ("grounding",), "attribute": ("attribute",)}


def measure() -> Iterator[Measurement]:
    """Yield the number of losses, and of uses of those that the paper names."""
    tree = parse_module("sam3.train.loss.loss_fns")
    classes = list_classes(tree)
    losses = [name for name, bases in classes.items() if "LossWithWeights" in bases]
    yield Measurement("losses", len(losses), "classes", FILE, "sam3", ", ".join(losses))
    yield Measurement("winner-take-all-losses", int(SAM2_LOSS in classes), "classes", FILE, "sam3", SAM2_LOSS)
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in list_package_files("sam3")]
    n_definitions = sum(CONTRASTIVE in _list_functions(each) for each in trees)
    n_calls = sum(count_calls(each, CONTRASTIVE) for each in trees)
    yield Measurement("contrastive-functions", n_definitions, "functions", f"{FILE}: {CONTRASTIVE}", "sam3")
    yield Measurement(
        "contrastive-calls", n_calls, "calls", f"{FILE}: {CONTRASTIVE}", "sam3", f"in {len(trees)} files of the package"
    )
    for name, words in WORDS.items():
        named = [loss for loss in losses if any(word in loss.lower() for word in words)]
        yield Measurement(f"{name}-losses", len(named), "classes", FILE, "sam3", "losses named after it")


def _list_functions(tree: ast.AST) -> list[str]:
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
