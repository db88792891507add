"""The start of Snakemake, and the profile that calls it."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from samgap.jobs import start, surroundings

ROOT = Path(__file__).parents[3]
PROFILE = ROOT / "profiles/default/config.yaml"


def read_profile() -> dict:
    """Return the profile as Snakemake reads it: its code is run."""
    parser = importlib.import_module("snakemake.profiles").ProfileConfigFileParser()
    with open(PROFILE, encoding="utf-8") as stream:
        return dict(parser.parse(stream))


def test_a_target_among_the_values_of_an_option_ends_the_process(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    environment: dict[str, str] = {}
    with pytest.raises(SystemExit, match="^error: --config takes 'verify' for one of its values"):
        start.prepare_start(["--config", "seed=7", "verify"], environment)
    assert environment == {} and list(tmp_path.iterdir()) == []


def test_caches_are_in_the_working_directory_if_the_users_folder_cannot_be_written(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    environment = {"XDG_CACHE_HOME": "/proc/none"}
    start.prepare_start(["-n"], environment)
    assert environment == surroundings.make_cache_variables(
        {"XDG_CACHE_HOME": "/proc/none"}, tmp_path / ".snakemake/cache"
    )
    assert environment["XDG_CACHE_HOME"] == str(tmp_path / ".snakemake/cache")
    writable = {"XDG_CACHE_HOME": str(tmp_path)}
    start.prepare_start(["-n"], writable)
    assert writable == {"XDG_CACHE_HOME": str(tmp_path)}


@pytest.mark.parametrize(
    "form", [["-s", "{}"], ["-s{}"], ["--snakefile", "{}"], ["--snakefile={}"], ["--snakef", "{}"], None], ids=str
)
def test_the_profile_finds_the_package_in_the_folder_of_the_snakefile(form, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(ROOT if form is None else tmp_path)
    snakefile = [argument.format(ROOT / "Snakefile") for argument in form or []]
    received: list[list[str]] = []
    monkeypatch.setattr(start, "prepare_start", lambda arguments, environment: received.append(arguments))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["snakemake", "-n", *snakefile, "--cores", "1", "verify"])
    profile = read_profile()
    assert received == [["-n", *snakefile, "--cores", "1", "verify"]] and sys.path[0] == str(ROOT / "src")
    assert profile.keys() == {"show-failed-logs", "rerun-triggers"}


def test_the_profile_does_nothing_beside_another_workflow(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(start, "prepare_start", lambda arguments, environment: pytest.fail("called"))
    monkeypatch.setattr(sys, "argv", ["snakemake", "-n"])
    before = dict(os.environ)
    read_profile()
    assert dict(os.environ) == before


def run_snakemake(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Start Snakemake in the root of the repository."""
    command = [sys.executable, "-m", "snakemake", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)


@pytest.mark.parametrize(
    ("arguments", "order"),
    [
        ("--configfile config/demo.yaml verify", "verify --configfile config/demo.yaml"),
        ("--forcerun predict verify", "verify --forcerun predict"),
        ("-n --report verify", "verify -n --report"),
    ],
)
def test_snakemake_stops_with_one_line_at_a_target_among_the_values_of_an_option(arguments: str, order: str) -> None:
    run = run_snakemake(*arguments.split())
    assert run.returncode == 1 and run.stdout == ""
    notice, message = run.stderr.splitlines()
    assert notice.startswith("Using workflow specific profile")
    option = next(word for word in arguments.split() if word.startswith("--"))
    advice = f"write targets before it: snakemake {order}"
    assert message == f"error: {option} takes 'verify' for one of its values; {advice}"


def test_snakemake_itself_refuses_a_target_after_an_option_with_a_list_of_values() -> None:
    run = run_snakemake("-q", "verify")
    assert run.returncode == 2 and "argument --quiet/-q: invalid choice: 'verify'" in run.stderr
