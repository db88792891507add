"""What SAM3's tracker is given: identifiers about text in its code, and the neck that its features come from."""

import ast
from collections.abc import Iterator

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._source import iter_identifiers, parse_module

MODULES = ("sam3_tracker_base", "sam3_tracking_predictor", "sam3_tracker_utils", "memory")
WORDS = {"text", "texts", "language", "caption", "captions", "phrase", "prompt_text", "exemplar", "exemplars"}


def measure() -> Iterator[Measurement]:
    """Yield the numbers of identifiers about text and of features from the tracker's own neck."""
    trees = {module: parse_module(f"sam3.model.{module}") for module in MODULES}
    names = [name for tree in trees.values() for name in iter_identifiers(tree)]
    found = sorted({name for name in names if WORDS & set(name.lower().split("_"))})
    files = "sam3/model/{" + ", ".join(MODULES) + "}.py"
    yield Measurement(
        "text-identifiers", len(found), "identifiers", files, "sam3", f"of {len(set(names)):,} identifiers"
    )
    keys = [node.value for node in ast.walk(trees["sam3_tracker_base"]) if isinstance(node, ast.Constant)]
    yield Measurement(
        "own-neck",
        keys.count("sam2_backbone_out"),
        "uses",
        "sam3/model/sam3_tracker_base.py: forward_image",
        "sam3",
        "of the features sam2_backbone_out, which are computed without a prompt",
    )
