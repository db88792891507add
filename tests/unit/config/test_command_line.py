"""Targets that Snakemake takes for configuration files or values, and configuration files that it cannot read."""

import pytest

from samgap.config.command_line import exit_if_invalid, validate_arguments
from samgap.errors import UserError

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
        "--forcerun checkpoint fetch",
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


@pytest.mark.usefixtures("_files")
@pytest.mark.parametrize("file", ["broken.yaml", "latin1.yaml"])
def test_a_file_that_is_not_yaml_is_one_line(file: str) -> None:
    with pytest.raises(UserError) as error:
        validate_arguments(["--configfile", "a.yaml", file])
    assert str(error.value).startswith(f"--configfile {file}: not valid YAML (") and "\n" not in str(error.value)
