"""Verify the results of a run by their own checksums and those of its manifest, and name the rules to run again."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from samgap.download.verify import DIFFERS, MISSING, OK, SKIPPED, CheckResult
from samgap.errors import UserError
from samgap.io.files import read_json_object, sha256
from samgap.tables import checksums

UNFINISHED = "unfinished"
"""The folder of a run with the work of jobs that have not ended."""


def verify_results(run_folder: Path, rules: Mapping[str, Sequence[str]]) -> Iterator[CheckResult]:
    """Verify all tables and trained weights of a run, and the figures and tables of the paper that its manifest lists.

    A table is compared with the checksums in its file, and with the manifest unless it is newer: then it belongs to a
    run that has not written its manifest yet.

    Args:
        run_folder: results/<run>; without the folder there is nothing to verify
        rules: rule -> regular expressions of its outputs

    Yields:
        One result for each file. The details of a file that differs or is missing name its rule.
    """
    manifest_path = run_folder / "manifest.json"
    manifest = read_json_object(manifest_path)
    recorded = {**manifest.get("tables", {}), **manifest.get("paper", {})}
    trained = _read_training_cards(run_folder)
    tables = {
        str(path)
        for path in run_folder.rglob("*.parquet")
        if path.relative_to(run_folder).parts[0] != UNFINISHED and path.is_file()
    }
    for name in sorted(tables | recorded.keys() | trained.keys()):
        if name in trained:
            status, details = _verify_file(Path(name), trained[name])
        else:
            status, details = _verify_file(Path(name), recorded.get(name), manifest_path)
        if status in (DIFFERS, MISSING):
            details = f"{details}; rule: {find_rule(name, rules)}"
        yield status, name, details


def find_rule(path: str, rules: Mapping[str, Sequence[str]]) -> str:
    """Return the rule that writes a file; "unknown" if no rule does."""
    found = [rule for rule, patterns in rules.items() if any(re.fullmatch(pattern, path) for pattern in patterns)]
    return found[0] if found else "unknown"


def _read_training_cards(run_folder: Path) -> dict[str, str]:
    """Return weights file -> its recorded SHA-256, of the trainings of a run."""
    cards = {
        path.with_name("weights.pt"): read_json_object(path) for path in run_folder.glob("training/*/checkpoint.json")
    }
    return {str(weights): card["sha256"] for weights, card in cards.items() if "sha256" in card}


def _verify_file(path: Path, recorded_sha256: str | None, manifest: Path | None = None) -> tuple[str, str]:
    """Return the status of a result and the details; `manifest` has the checksum, if that can be outdated."""
    if not path.is_file():
        return MISSING, "does not exist"
    if path.suffix == ".parquet":
        try:
            checksums.verify_checksums(path)
        except UserError as error:
            return DIFFERS, str(error).removeprefix(f"{path}: ")
    if recorded_sha256 is None:
        return OK, "agrees with its own checksums; the manifest does not list it"
    actual_sha256 = sha256(path)
    if actual_sha256 == recorded_sha256:
        return OK, f"sha256 {actual_sha256}"
    if manifest and path.stat().st_mtime_ns > manifest.stat().st_mtime_ns:
        return SKIPPED, "written after the manifest: the run is not finished"
    return DIFFERS, f"sha256 is {actual_sha256}, {recorded_sha256} was recorded"
