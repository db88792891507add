"""A scratch copy of the repository's plug-ins with one more kind of prompts."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]

SCRIBBLE = '''
"""Kind `scribble`: three random points on every instance."""

from samgap.prompts.points import sample_points
from samgap.prompts.spatial import make_instance_rows

ROW_KINDS = ("scribble",)
SPATIAL = True
INPUTS = ("points",)


def generate_prompts(truth, options, seed):
    def make_columns(target):
        return {"points": sample_points(target, {"points": 3, "place": "random"}, seed)}

    return make_instance_rows(truth, "scribble", make_columns)
'''


def copy_plugins(folder: Path, *packages: str) -> Path:
    """Copy packages (default: prompts and models) to `folder`/src/samgap and return `folder`, the root of the copy."""
    for package in packages or ("prompts", "models"):
        source = ROOT / "src" / "samgap" / package
        shutil.copytree(source, folder / "src" / "samgap" / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def add_prompt_kind(root: Path, name: str, source: str) -> ModuleType:
    """Write the module of a kind of prompts to a copy, and import it."""
    file = root / "src" / "samgap" / "prompts" / f"{name}.py"
    file.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(f"scratch_{name}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
