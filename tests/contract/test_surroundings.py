"""Snakemake starts in the surroundings that users have: other locales, no home folder, odd paths, mistyped commands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.workflow_copy import copy_workflow

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    return copy_workflow(tmp_path_factory.mktemp("checkout"), with_weights=False)


def run_snakemake(
    folder: Path, *arguments: str, python: tuple[str, ...] = (sys.executable,), **environment: str | None
) -> subprocess.CompletedProcess[str]:
    """Run Snakemake with the variables `environment`; None removes a variable."""
    variables = {**os.environ, **environment}
    return subprocess.run(
        [*python, "-m", "snakemake", *arguments],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=120,
        check=False,
    )


def error_line(run: subprocess.CompletedProcess[str]) -> str:
    """Return the single line of a run that failed, without the lines in which Snakemake names profile and files."""
    assert run.returncode != 0
    (line,) = [
        line for line in run.stdout.splitlines() if not re.match(r"Using .*profile|Config file .* extended", line)
    ]
    return line


# --- locales


@pytest.mark.parametrize(
    ("locale", "source", "encoding"),
    [
        ("C", None, "ANSI_X3.4-1968"),
        ("de_DE", ("de_DE", "ISO-8859-1"), "ISO-8859-1"),
        ("ja_JP.eucJP", ("ja_JP", "EUC-JP"), "EUC-JP"),
    ],
)
def test_a_locale_that_is_not_utf_8(checkout, tmp_path, locale, source, encoding):
    if source is not None:
        if shutil.which("localedef") is None:
            pytest.skip("no localedef to make a locale with")
        command = ["localedef", "-i", source[0], "-f", source[1], str(tmp_path / locale)]
        made = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
        if not (tmp_path / locale).exists():
            pytest.skip(f"localedef cannot make {locale}: {made.stderr.strip()[-200:]}")
    # Otherwise Python takes UTF-8 in the locale C.
    locale_variables = {"LC_ALL": locale, "LOCPATH": str(tmp_path), "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", "import locale; print(locale.getencoding())"]
    variables = {**os.environ, **locale_variables}
    assert subprocess.run(command, env=variables, capture_output=True, check=True).stdout.decode().strip() == encoding
    run = run_snakemake(checkout, "-n", "--configfile", "config/demo.yaml", **locale_variables)
    assert run.returncode == 0, run.stdout[-3000:]
    assert "results/demo/manifest.json" in run.stdout


def test_a_plan_reads_no_text_in_the_encoding_of_the_locale(checkout):
    python = (sys.executable, "-X", "warn_default_encoding", "-W", "always::EncodingWarning")
    run = run_snakemake(checkout, "-n", "--configfile", "config/demo.yaml", python=python, PYTHONWARNINGS=None)
    assert run.returncode == 0, run.stdout[-3000:]
    ours = re.compile(rf"{re.escape(str(checkout))}|samgap|Snakefile|\.smk")
    found = [line for line in run.stdout.splitlines() if "EncodingWarning" in line and ours.search(line)]
    assert [line for line in found if "site-packages" not in line] == []
    # The warnings are on: a module without an encoding would be found.
    command = [*python, "-c", "open('Snakefile')"]
    assert b"EncodingWarning" in subprocess.run(command, cwd=checkout, capture_output=True, check=True).stderr


# --- home folders


@pytest.mark.parametrize("home", ["/proc/none", None])
def test_a_home_folder_that_cannot_be_written(checkout, home):
    run = run_snakemake(checkout, "--profile", "profiles/demo", "-n", HOME=home, XDG_CACHE_HOME=None)
    assert run.returncode == 0, run.stdout[-3000:]
    assert "results/demo/manifest.json" in run.stdout


def test_make_gives_its_tools_another_cache_folder(tmp_path):
    shutil.copytree(ROOT / "envs", tmp_path / "envs")
    shutil.copy(ROOT / "Makefile", tmp_path)
    rule = "print-cache:\n\t@echo $$XDG_CACHE_HOME\n"
    (tmp_path / "extra.mk").write_text(f"include Makefile\n{rule}", encoding="utf-8")
    for home, expected in (("/proc/none", str(tmp_path / ".snakemake/cache")), (str(tmp_path), "")):
        variables = {name: value for name, value in os.environ.items() if name != "XDG_CACHE_HOME"} | {"HOME": home}
        command = ["make", "-s", "-f", "extra.mk", "print-cache"]
        run = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, encoding="utf-8", check=True)
        assert run.stdout.strip() == expected


# --- paths


def test_an_environment_with_a_space_in_its_path_is_one_line(checkout, tmp_path):
    environment = tmp_path / "my env"
    environment.symlink_to(Path(sys.executable).parents[1])
    run = run_snakemake(checkout, "-n", "--configfile", "config/demo.yaml", python=(str(environment / "bin/python"),))
    assert error_line(run) == (
        f"error: the path of the environment, {environment}, has a space, from which Snakemake's scripts cannot run; "
        "move the environment to a path of letters, digits, -, _ and ."
    )


def test_a_checkout_with_braces_in_its_path_is_one_line(tmp_path):
    folder = copy_workflow(tmp_path / "a{b}", with_weights=False)
    line = error_line(run_snakemake(folder, "-n", "--configfile", "config/demo.yaml"))
    assert line.startswith(f"error: the path of the checkout, {folder}, has the character {{, from which ")


# --- command lines


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--configfile", "config/demo.yaml", "verify"],
            "--configfile takes 'verify' for one of its values; write targets before it: "
            "snakemake verify --configfile config/demo.yaml",
        ),
        (
            ["-n", "fetch", "--config", "models=ellipse", "verify"],
            "--config takes 'verify' for one of its values; write targets before it: "
            "snakemake verify -n fetch --config models=ellipse",
        ),
        (
            ["-n", "--configfile", "config/demo.yaml", "config/demo-model.yml"],
            "--configfile config/demo-model.yml: cannot be read (No such file or directory); "
            "did you mean 'config/demo-models.yaml'?",
        ),
        (
            ["-n", "--forcerun", "predict", "verify"],
            "--forcerun takes 'verify' for one of its values; write targets before it: "
            "snakemake verify -n --forcerun predict",
        ),
        (
            ["-n", "--set-threads", "predict=two"],
            "--set-threads has the value 'predict=two'; write RULE=THREADS, such as --set-threads predict=4",
        ),
        (
            ["-n", "--configfile", "nothere.yaml"],
            "--configfile nothere.yaml: cannot be read (No such file or directory); name a YAML file",
        ),
        (["-n", "--configfile", "config"], "--configfile config: cannot be read (Is a directory); name a YAML file"),
        (
            ["-n", "--configfile", "envs/models.post-deploy.sh"],
            "--configfile envs/models.post-deploy.sh: has no keys; start from a copy of config/demo.yaml",
        ),
    ],
)
def test_a_mistyped_command_is_one_line_that_says_what_to_type(checkout, arguments, message):
    assert error_line(run_snakemake(checkout, *arguments)) == f"error: {message}"


def test_the_command_line_is_checked_from_another_folder_too(checkout, tmp_path):
    config = str(checkout / "config/demo.yaml")
    run = run_snakemake(tmp_path, "-s", str(checkout / "Snakefile"), "--configfile", config, "verify")
    assert "write targets before it: snakemake verify -s " in error_line(run)
