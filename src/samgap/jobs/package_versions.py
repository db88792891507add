"""Versions of the installed packages that a rule's results depend on: a parameter of the rule.

The packages are those that the rule's script can import (`samgap.jobs.code_hash`), so a new version reruns the jobs
whose code uses the package, and no others. The versions are those of the environment in which Snakemake runs.
"""

import ast
import contextlib
import functools
from collections import Counter
from collections.abc import Collection, Iterable

from samgap.io.packages import list_package_versions
from samgap.jobs.code_hash import find_imported_packages

DISTRIBUTIONS = {"PIL": "pillow", "yaml": "pyyaml", "open_clip": "open_clip_torch", "training": "sam2"}
"""Name in an import -> name on the index, for packages whose names differ."""
USED_BY = {
    "torch": (),
    "torchvision": ("torch",),
    "sam2": ("torch", "torchvision"),
    "sam3": ("torch", "torchvision", "open_clip_torch"),
    "transformers": ("torch",),
}
"""Packages of networks -> other packages whose code runs in them. `open_clip_torch` has the vocabulary of sam3."""
NEUTRAL_PACKAGES = frozenset(
    {
        *("filelock", "httpx", "huggingface_hub", "requests", "urllib3"),  # files with a checksum
        *("jsonschema", "yaml", "psutil", "tqdm"),
        *("pandas", "pyarrow", "safetensors"),  # they move and select values, and compute none
    }
)
"""Packages that change no number and no image, by their name in an import."""
KNOWN_PACKAGES = USED_BY.keys() | {"numpy", "scipy", "pillow", "pycocotools", "matplotlib"}
"""Packages by which a parameter is known as a dictionary of versions."""


@functools.cache
def list_script_versions(
    script: str, *plugin_modules: str, without: tuple[str, ...] = (), has_network: bool = True
) -> dict[str, str | None]:
    """Return the version of each package that shapes the results of a script, by its name on the index.

    Args:
        script: path of the script, relative to the root of the repository
        plugin_modules: dotted names of modules that the script imports under a computed name
        without: dotted names of modules that this use of the script does not import
        has_network: whether the job runs a network; if not, the packages of `USED_BY` are left out

    Returns:
        Sorted by name; None for a package that is not installed.
    """
    names = find_imported_packages(script, *plugin_modules, without=without) - NEUTRAL_PACKAGES
    packages = {DISTRIBUTIONS.get(name, name) for name in names}
    packages |= {used for name in packages for used in USED_BY.get(name, ())}
    if not has_network:
        packages -= USED_BY.keys() | {used for names in USED_BY.values() for used in names}
    return list_package_versions(sorted(packages))


def summarize_changed_versions(changes: Iterable[tuple[str, Collection[str], Collection[str]]]) -> list[str]:
    """Return a line for each changed version with the jobs that run again for it: `numpy 2.3.5 -> 2.4.6: 8 predict`.

    Args:
        changes: for each job that runs again: its rule, and the texts (`repr`) of the parameters that only its last run
            and only this run have
    """
    jobs: dict[str, Counter[str]] = {}
    for rule, old_texts, new_texts in changes:
        old, new = _find_versions(old_texts), _find_versions(new_texts)
        for package in sorted(old.keys() & new.keys()):
            if old[package] != new[package]:
                change = f"{package} {old[package] or 'not installed'} -> {new[package] or 'not installed'}"
                jobs.setdefault(change, Counter())[rule] += 1
    return [
        f"{change}: {', '.join(f'{count} {rule}' for rule, count in sorted(counts.items()))}"
        for change, counts in sorted(jobs.items())
    ]


def _find_versions(texts: Iterable[str]) -> dict[str, str | None]:
    """Return the versions among the texts of parameters: the dictionary of `list_script_versions`, if there is one."""
    for text in texts:
        with contextlib.suppress(ValueError, SyntaxError):
            value = ast.literal_eval(text)
            if isinstance(value, dict) and value.keys() & KNOWN_PACKAGES:
                return value
    return {}
