"""Versions of the installed packages."""

from importlib import metadata

from samgap.io.packages import MODEL_PACKAGES, list_package_versions


def test_the_versions_are_those_of_the_installed_packages() -> None:
    versions = list_package_versions([*MODEL_PACKAGES, "numpy", "no-such-package"])
    assert tuple(versions) == ("torch", "sam2", "sam3", "transformers", "numpy", "no-such-package")
    assert versions.pop("no-such-package") is None
    assert versions == {name: metadata.version(name) for name in versions}
