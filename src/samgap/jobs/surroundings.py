"""What jobs need of the machine: paths that a shell can run scripts from, and folders for the caches of packages."""

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from samgap.errors import UserError

SPLIT_BY_SHELL = re.compile(r"""[ \t\n\r\v\f'"`$\\;&|<>(){}*?\[]""")
"""Characters with a meaning to a shell. Snakemake does not quote the path of Python when it runs a script."""
SPLIT_BY_SNAKEMAKE = re.compile(r"[{}]")
"""Characters with a meaning to Snakemake in the path of a script."""

CACHE_FOLDERS = {
    "CUDA_CACHE_PATH": "cuda",
    "MPLCONFIGDIR": "matplotlib",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
}
"""Environment variables of packages that do not use XDG_CACHE_HOME -> subfolder."""


def validate_paths(checkout: str | Path, python: str | Path) -> None:
    """Raise UserError if Snakemake cannot run scripts because of a character in one of two paths.

    Paths of data, configurations and working directories may have any character.

    Args:
        checkout: The folder of the Snakefile.
        python: The Python that runs Snakemake, in the `bin` of its environment.
    """
    environment = Path(python).parents[1]
    checks = [("environment", environment, SPLIT_BY_SHELL), ("checkout", Path(checkout), SPLIT_BY_SNAKEMAKE)]
    if environment.is_relative_to(checkout):
        checks = [("checkout", Path(checkout), SPLIT_BY_SHELL), *checks]
    for name, path, pattern in checks:
        if match := pattern.search(str(path)):
            raise UserError(
                f"the path of the {name}, {_format_path(path)}, has {_name_character(match[0])}, from which "
                f"Snakemake's scripts cannot run; move the {name} to a path of letters, digits, -, _ and ."
            )


def make_cache_variables(environment: Mapping[str, str], folder: str | Path) -> dict[str, str]:
    """Return environment variables that name `folder` for caches; none if the user's cache folder can be written.

    XDG_CACHE_HOME is for fontconfig, huggingface_hub, torch and Snakemake; the others are those of CACHE_FOLDERS. If
    the hub's client has a cache already, which also has its token, HF_HOME keeps it.

    Args:
        environment: The variables that are set; all but XDG_CACHE_HOME are kept.
        folder: The folder; it is created if it is needed.
    """
    cache = Path(environment.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    if _is_writable(cache):
        return {}
    folder = Path(folder).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    variables = {name: str(folder / subfolder) for name, subfolder in CACHE_FOLDERS.items()}
    if (cache / "huggingface").is_dir():
        variables["HF_HOME"] = str(cache / "huggingface")
    unset = {name: value for name, value in variables.items() if not environment.get(name)}
    return {"XDG_CACHE_HOME": str(folder), **unset}


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError:
        return False
    return True


def _format_path(path: Path) -> str:
    text = os.fspath(path)
    return text if text.isprintable() else ascii(text)


def _name_character(character: str) -> str:
    if character == " ":
        return "a space"
    return f"the character {character if character.isprintable() else ascii(character)}"
