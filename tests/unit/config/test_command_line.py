"""Targets that Snakemake takes for configuration files or values, and configuration files that it cannot read."""

import importlib
from pathlib import Path

import pytest

from samgap.config.command_line import (
    CHOICE_OPTIONS,
    CONFIG_FILE_OPTIONS,
    OPTIONAL_VALUE_OPTIONS,
    PAIR_OPTIONS,
    RULE_OPTIONS,
    TEXT_OPTIONS,
    exit_if_invalid,
    list_target_rules,
    validate_arguments,
)
from samgap.errors import UserError

ROOT = Path(__file__).parents[3]
MISSING = "cannot be read (No such file or directory); name a YAML file"


@pytest.fixture
def _files(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    contents = {
        "a.yaml": "run: x\n",
        "b c.yaml": "run: ü\n",
        "tabs.json": '{\n\t"run": "x"\n}',
        "empty.yaml": "",
        "list.yaml": "- run\n",
        "broken.yaml": "run: [x\n",
    }
    for name, content in contents.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    (tmp_path / "latin1.yaml").write_bytes("run: ü\n".encode("latin-1"))


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(
    "arguments",
    [
        "verify --configfile a.yaml",
        "--configfile a.yaml tabs.json --cores 1 verify",
        "--configfile=a.yaml verify",
        "--config seed=7 device=cpu --configfile a.yaml -n",
        "-C seed=7 --configfiles a.yaml -- verify fetch",
        "--forcerun checkpoint predict",
        "fetch --forcerun checkpoint predict",
        "verify -R checkpoint results/x/a.parquet",
        "-n verify -R predict results/x/a.parquet --cores 1",
        "-R results/x/a.parquet results/x/b.parquet",
        "-R",
        "--until predict -n",
        "--until verify",
        "all --allowed-rules predict all",
        "--allowed-rules verify",
        "--set-threads predict=4 train=2 --set-resources predict:mem_mb=2000*attempt train:runtime=60",
        "--default-resources mem_mb=2000 slurm_account=me --resources gpu=2 mem_mb=64000 --res gpu=1",
        "--default-resources",
        "--groups predict=a --group-components a=2 --set-scatter parts=2 --set-resource-scopes gpu=local",
        "verify -q --rerun-triggers mtime input",
        "-q rules progress -n verify",
        "-q all",
        "verify -q all --forcerun predict",
        "--report results/x/report.html",
        "--dag dot",
        "--config models=a,b datasets={a:{scenes:4}} --batch all=1/2",
        "--cleanup-metadata results/x/a.parquet results/x/b.parquet",
        "-n",
    ],
)
def test_a_valid_command_line_passes(arguments: str) -> None:
    validate_arguments(arguments.split())


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--configfile", "a.yaml", "verify"],
            "--configfile takes 'verify' for one of its values; write targets before it: "
            "snakemake verify --configfile a.yaml",
        ),
        (
            ["-n", "--configfile", "b c.yaml", "fetch", "results/x/manifest.json", "--cores", "1"],
            "--configfile takes 'fetch' for one of its values; write targets before it: "
            "snakemake fetch results/x/manifest.json -n --configfile 'b c.yaml' --cores 1",
        ),
        (
            ["fetch", "--config", "seed=7", "verify"],
            "--config takes 'verify' for one of its values; write targets before it: "
            "snakemake verify fetch --config seed=7",
        ),
        (
            ["--configfile", "a.yaml", "results/x/card.json", "-n"],
            "--configfile takes 'results/x/card.json' for one of its values; write targets before it: "
            "snakemake results/x/card.json --configfile a.yaml -n",
        ),
        (
            ["-q", "all", "-R", "predict", "results/x/a.parquet"],
            "-R takes 'results/x/a.parquet' for one of its values; write targets before it: "
            "snakemake results/x/a.parquet -q all -R predict",
        ),
        (
            ["--configfile", "a.yaml", "b.yml"],
            "--configfile b.yml: cannot be read (No such file or directory); name a YAML file",
        ),
        (
            ["--configfile", "a.yaml", "folder/tabs.json", "--cores", "1", "verify"],
            "--configfile takes 'folder/tabs.json' for one of its values; write targets before it: "
            "snakemake folder/tabs.json --configfile a.yaml --cores 1 verify",
        ),
        (
            ["--configfile", "emty.yml"],
            "--configfile emty.yml: cannot be read (No such file or directory); did you mean 'empty.yaml'?",
        ),
        (
            ["-C", "datasets.orchard.scenes=4"],
            "-C has the value 'datasets.orchard.scenes=4'; write KEY=VALUE, such as -C device=cpu "
            "(write nested keys as YAML: 'datasets={orchard: {scenes: 4}}')",
        ),
        (["--config", "=4"], "--config has the value '=4'; write KEY=VALUE, such as --config device=cpu"),
        (["-C", "verify"], "-C has the value 'verify'; write KEY=VALUE, such as -C device=cpu"),
        (["--configfile", "no.yaml"], f"--configfile no.yaml: {MISSING}"),
        (["--configfile=no.yaml"], f"--configfile no.yaml: {MISSING}"),
        (["--configfiles", "folder"], "--configfile folder: cannot be read (Is a directory); name a YAML file"),
        (["--configfile", "empty.yaml"], "--configfile empty.yaml: has no keys; start from a copy of config/demo.yaml"),
        (["--configfile", "list.yaml"], "--configfile list.yaml: has no keys; start from a copy of config/demo.yaml"),
    ],
)  # fmt: skip
def test_an_invalid_command_line_is_one_line_that_says_what_to_type(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError) as error:
        validate_arguments(arguments)
    assert str(error.value) == message
    with pytest.raises(SystemExit) as stop:
        exit_if_invalid(arguments)
    assert stop.value.code == f"error: {message}"


@pytest.mark.parametrize(
    "option",
    [
        *("--forcerun predict", "-R predict", "--until predict", "-U predict", "--omit-from predict", "-O predict"),
        *("--prioritize predict", "-P predict", "--allowed-rules predict", "--cache dataset"),
        *("--preemptible-rules predict", "--cleanup-metadata a", "--cm a", "--wait-for-files a"),
        *("--unneeded-temp-files a", "--omit-flags a", "--envvars HOME", "--target-jobs predict:"),
        *("-C seed=7", "--set-threads predict=2", "--set-resources predict:mem_mb=2", "--set-scatter a=2"),
        *("--set-resource-scopes gpu=local", "--default-resources mem_mb=2", "--default-res mem_mb=2"),
        *("--resources gpu=1", "--res gpu=1", "--groups predict=a", "--group-components a=2"),
        *("--consider-ancient predict=weights", "--report", "--generate-unit-tests"),
    ],
)
def test_a_target_after_an_option_that_would_take_it_is_one_line(option: str) -> None:
    words = option.split()
    with pytest.raises(UserError) as error:
        validate_arguments(["-n", *words, "verify"])
    assert str(error.value) == (
        f"{words[0]} takes 'verify' for one of its values; write targets before it: snakemake verify -n {option}"
    )
    validate_arguments(["verify", "-n", *words])


@pytest.mark.parametrize("option", ["--forcerun predict", "--until predict", "--set-threads predict=2"])
def test_a_file_of_the_workflow_is_a_target_too(option: str) -> None:
    file = "results/x/paper/tables/results.md"
    with pytest.raises(UserError, match=f"write targets before it: snakemake {file} {option}$"):
        validate_arguments([*option.split(), file])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--set-threads predict", "write RULE=THREADS, such as --set-threads predict=4"),
        ("--set-threads predict=0", "write RULE=THREADS, such as --set-threads predict=4"),
        ("--set-resources predict=2", "write RULE:RESOURCE=VALUE, such as --set-resources predict:mem_mb=16000"),
        ("--resources gpu", "write NAME=NUMBER, such as --resources gpu=2"),
        ("--default-resources mem_mb", "write NAME=VALUE, such as --default-resources mem_mb=4000"),
        ("--groups predict", "write RULE=GROUP, such as --groups predict=first"),
        ("--group-components a=b", "write GROUP=NUMBER, such as --group-components first=4"),
        ("--set-scatter a", "write NAME=NUMBER, such as --set-scatter parts=4"),
        ("--set-resource-scopes gpu=here", "write RESOURCE=SCOPE, such as --set-resource-scopes gpu=local"),
        ("--consider-ancient predict", "write RULE=INPUTS, such as --consider-ancient predict=weights"),
    ],
)
def test_a_value_that_is_no_pair_is_one_line(arguments: str, message: str) -> None:
    option, value = arguments.split()
    with pytest.raises(UserError) as error:
        validate_arguments([option, value])
    assert str(error.value) == f"{option} has the value '{value}'; {message}"


def test_all_options_of_snakemake_that_take_targets_for_values_are_known() -> None:
    parser = importlib.import_module("snakemake.cli").get_argument_parser()
    actions = [action for action in parser._actions if action.nargs in ("+", "*", "?") and action.option_strings]
    choices = {name for action in actions if action.choices is not None for name in action.option_strings}
    assert choices == set(CHOICE_OPTIONS)  # Snakemake refuses a target after them
    others = [action for action in actions if action.choices is None]
    several = {name for action in others if action.nargs != "?" for name in action.option_strings}
    known = {*CONFIG_FILE_OPTIONS, *PAIR_OPTIONS, *RULE_OPTIONS, *TEXT_OPTIONS}
    assert several == known
    optional = {name for action in others if action.nargs == "?" for name in action.option_strings}
    assert optional == set(OPTIONAL_VALUE_OPTIONS)


def test_the_target_rules_are_those_without_an_output() -> None:
    assert {"all", "fetch", "verify", "pretrain_demo"} <= list_target_rules(ROOT)
    assert not {"predict", "dataset", "figure", "manifest"} & list_target_rules(ROOT)


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("file", ["broken.yaml", "latin1.yaml"])
def test_a_file_that_is_not_yaml_is_one_line(file: str) -> None:
    with pytest.raises(UserError) as error:
        validate_arguments(["--configfile", "a.yaml", file])
    assert str(error.value).startswith(f"--configfile {file}: not valid YAML (") and "\n" not in str(error.value)
