"""Versions of the installed packages."""

from collections.abc import Iterable
from importlib import metadata

MODEL_PACKAGES = ("torch", "sam2", "sam3", "transformers")
"""The packages that have the code of the models. Their versions determine predictions, trainings and the inventory."""


def list_package_versions(packages: Iterable[str]) -> dict[str, str | None]:
    """Return the version of each package, by its name on the index; None if it is not installed."""
    return {name: _read_version(name) for name in packages}


def _read_version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
