"""Paths that scripts cannot run from, and folders for caches without a home folder that can be written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from samgap.errors import UserError
from samgap.jobs import surroundings
from samgap.jobs.surroundings import CACHE_FOLDERS, make_cache_variables, validate_paths

ROOT = Path(__file__).parents[3]
MAKE_ERROR = (
    "error: the path of the checkout has a space, or another character from which Snakemake's scripts cannot run; move "
    "the checkout to a path of letters, digits, -, _ and ."
)
REFUSED = list(" \t\n'\"`$\\;&|<>(){}*?[")
ALLOWED = list("#%:!~@+,=^-_.]ü\u00a0")


def is_refused_by_make(folder: Path) -> bool:
    """Return whether `make` refuses to make an environment in `folder`."""
    folder.mkdir()
    shutil.copy(ROOT / "Makefile", folder)
    run = subprocess.run(["make", "checkout-path"], cwd=folder, capture_output=True, encoding="utf-8", check=False)
    lines = [line for line in run.stderr.splitlines() if line.startswith("error: ")]
    assert lines == [MAKE_ERROR] * (run.returncode != 0)
    return run.returncode != 0


@pytest.mark.parametrize("character", REFUSED)
def test_a_checkout_whose_path_a_shell_changes_is_refused(character: str, tmp_path: Path) -> None:
    folder = tmp_path / f"a{character}b"
    with pytest.raises(UserError) as error:
        validate_paths(folder, folder / ".venv/bin/python")
    message = str(error.value)
    assert message.startswith("the path of the checkout, ") and "\n" not in message
    assert "from which Snakemake's scripts cannot run; move the checkout to " in message
    assert is_refused_by_make(folder)


@pytest.mark.parametrize("character", ALLOWED)
def test_other_characters_are_allowed(character: str, tmp_path: Path) -> None:
    folder = tmp_path / f"a{character}b"
    validate_paths(folder, folder / ".venv/bin/python")
    assert not is_refused_by_make(folder)


def test_bash_splits_or_changes_the_refused_characters_alone(tmp_path: Path) -> None:
    """The list is right: bash runs a program by its unquoted path only if the path has none of them."""
    for character in REFUSED + ALLOWED:
        # A folder of another name that the characters *, ? and [ would match.
        for name in (f"a{character}b", "axb", "a[b]"):
            (tmp_path / "w" / name).mkdir(parents=True, exist_ok=True)
        program = tmp_path / "w" / f"a{character}b" / "run"
        program.write_text("#!/bin/sh\necho ran $#\n", encoding="utf-8")
        program.chmod(0o755)
        run = subprocess.run(["bash", "-c", f"{program} x"], capture_output=True, encoding="utf-8", check=False)
        is_glob_or_brace = character in "*?[{}"  # these run the right program as long as no other path matches
        assert (run.stdout == "ran 1\n") == (character in ALLOWED or is_glob_or_brace), (character, run)
        shutil.rmtree(tmp_path / "w")


def test_an_environment_elsewhere_and_a_checkout_that_snakemake_cannot_format(tmp_path: Path) -> None:
    validate_paths(tmp_path / "my checkout", "/opt/env/bin/python")
    with pytest.raises(UserError, match=r"^the path of the environment, /opt/my env, has a space, .* move the env"):
        validate_paths(tmp_path, "/opt/my env/bin/python")
    with pytest.raises(UserError, match=r"^the path of the checkout, .*/a\{b\}, has the character \{, "):
        validate_paths(tmp_path / "a{b}", "/opt/env/bin/python")


def test_a_home_folder_that_can_be_written_is_used(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert make_cache_variables({}, tmp_path / "cache") == {}
    assert make_cache_variables({"XDG_CACHE_HOME": str(tmp_path / "xdg")}, tmp_path / "cache") == {}
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("environment", [{}, {"XDG_CACHE_HOME": ""}, {"XDG_CACHE_HOME": "/proc/none/cache"}])
def test_without_it_caches_are_in_the_given_folder(environment: dict, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", "/proc/none")
    monkeypatch.chdir(tmp_path)
    variables = make_cache_variables({**environment, "MPLCONFIGDIR": "/mine"}, ".snakemake/cache")
    folder = tmp_path / ".snakemake/cache"
    expected = {name: str(folder / subfolder) for name, subfolder in CACHE_FOLDERS.items() if name != "MPLCONFIGDIR"}
    assert variables == {"XDG_CACHE_HOME": str(folder), **expected}
    assert folder.is_dir()
    # They suffice: with them the folder can be written.
    assert make_cache_variables({**environment, **variables}, tmp_path / "other") == {}


def test_a_read_only_home_folder_keeps_the_cache_of_the_hubs_client(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / ".cache/huggingface").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    # Root can write any folder, so permissions cannot show it.
    monkeypatch.setattr(surroundings, "_is_writable", lambda folder: False)
    assert make_cache_variables({}, tmp_path / "cache")["HF_HOME"] == str(tmp_path / ".cache/huggingface")
    assert "HF_HOME" not in make_cache_variables({"HF_HOME": "/mine"}, tmp_path / "cache")


def test_packages_put_their_caches_there(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": "/proc/none", "PYTHONPATH": str(ROOT / "src")}
    environment = {name: value for name, value in environment.items() if name not in ("XDG_CACHE_HOME", "HF_HOME")}
    code = (
        "import os, sys; from samgap.jobs.surroundings import make_cache_variables\n"
        "os.environ |= make_cache_variables(os.environ, sys.argv[1])\n"
        "import matplotlib, huggingface_hub.constants as hub, torch\n"
        "print(matplotlib.get_cachedir(), hub.HF_HOME, torch.hub.get_dir(), sep='\\n')\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "cache")]
    run = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True)
    assert [Path(line).relative_to(tmp_path / "cache").parts[0] for line in run.stdout.splitlines()] == [
        "matplotlib", "huggingface", "torch",
    ]  # fmt: skip
    assert run.stderr == ""
