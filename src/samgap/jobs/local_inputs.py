"""Local files and folders that a configuration names, and their state.

The rules have these states as parameters, so Snakemake reruns a job when a file is edited in place, added to a folder,
or replaced by an older one. The times that Snakemake itself compares do not show this for folders and older files.
"""

import functools
import hashlib
import os
from collections.abc import Collection, Mapping
from pathlib import Path, PurePath
from typing import Any

from samgap.download.fetch import parse_local_path
from samgap.errors import UserError
from samgap.io.variables import iter_texts
from samgap.io.visible_files import walk_visible_files


@functools.cache
def describe_state(path: str) -> str:
    """Return the state of a file or folder: another text after every change of a file.

    The state of a file is its size and its modification time in ns; that of a folder is a digest of the relative paths,
    sizes and times of its visible files (`samgap.io.visible_files`). Each path is examined once in a process, so one
    start of Snakemake reads a folder once, and sees one state of it.

    Args:
        path: Absolute, or relative to the working directory.
    """
    try:
        if not os.path.isdir(path):
            status = os.stat(path)
            return f"{status.st_size} bytes, {status.st_mtime_ns} ns"
        folder, digest, n_files = Path(path), hashlib.sha256(), 0
        for file in walk_visible_files(folder):
            relative_path = "/".join(file.parts[len(folder.parts) :])
            digest.update(f"{relative_path}\0{_describe_file(file)}\n".encode(errors="surrogateescape"))
            n_files += 1
    except (OSError, UserError) as error:  # the job reports it
        return f"not readable ({error})"
    return f"{n_files} files, {digest.hexdigest()[:32]}"


def describe_named_files(entry: Mapping[str, Any], path_options: Collection[str] = ()) -> dict[str, str]:
    """Return the state of each local file and folder that an entry of the configuration names, by its path.

    The arguments are those of `list_named_paths`.
    """
    return {path: describe_state(path) for path in list_named_paths(entry, path_options)}


def list_named_paths(entry: Mapping[str, Any], path_options: Collection[str] = ()) -> list[str]:
    """Return the paths of existing files and folders among the values of an entry, at any depth.

    A text with a `/` or a suffix that is the path of an existing file counts, so that an option of a plug-in that names
    a file needs no declaration. A folder counts only as the value of an option that is declared as a path, because a
    phrase such as "apple/leaf" or "." can be the path of a folder by chance.

    Args:
        entry: An entry of the configuration.
        path_options: The options of the entry that are declared as paths
            (`samgap.config.plugin_options.list_path_options`).
    """
    declared = [entry[key] for key in path_options if isinstance(entry.get(key), str)]
    files = [text for _, text in iter_texts(entry) if _is_like_path(text) and os.path.isfile(text)]
    return [path for path in dict.fromkeys(declared + files) if os.path.exists(path)]


def list_named_files(entry: Mapping[str, Any], path_options: Collection[str] = ()) -> list[str]:
    """Return those of `list_named_paths` that are files and can be inputs of a rule.

    Snakemake takes braces in the path of an input for wildcards. The state of a file with braces is a parameter only.
    """
    return [path for path in list_named_paths(entry, path_options) if _can_be_input(path)]


def list_label_files(entry: Mapping[str, Any]) -> list[str]:
    """Return the files in the folder `path` of a data set that `annotations` names by their whole path in it.

    As for `list_named_files`, a file with braces is left out. The state of the folder is a parameter.
    """
    labels = [os.path.join(entry.get("path", ""), name) for name in entry.get("annotations", [])]
    return [path for path in labels if "path" in entry and _can_be_input(path)]


def find_local_source(source: Mapping[str, Any] | None, root: Path) -> Path | None:
    """Return the local file that an archive or a model's `weights` is copied from; None if it has another source.

    Args:
        source: An entry of `archives`, or `weights` of a model.
        root: The root of the repository, which `path` of `weights` is relative to.
    """
    if source and "path" in source:
        return root / Path(source["path"]).expanduser()
    return parse_local_path(source["url"]) if source and "url" in source else None


def describe_local_source(source: Mapping[str, Any] | None, root: Path) -> str | None:
    """Return the state of the local file of `find_local_source`; None if there is none."""
    path = find_local_source(source, root)
    return None if path is None else describe_state(str(path))


def validate_local_sources(sources: Mapping[str, Mapping[str, Any] | None], root: Path) -> None:
    """Raise UserError for an archive or weights whose local file does not exist or is not a file.

    Args:
        sources: Key in the configuration (`archives.orchard`) -> the source, as for `find_local_source`.
        root: The root of the repository.
    """
    for key_path, source in sorted(sources.items()):
        path = find_local_source(source, root)
        if source and path is not None and not path.is_file():
            key, problem = "path" if "path" in source else "url", "is a folder" if path.is_dir() else "does not exist"
            raise UserError(f"config: {key_path}.{key} is {path}, which {problem}; name a file on this machine")


def _describe_file(file: Path) -> str:
    try:
        status = os.stat(file)
    except OSError:  # a link to nothing
        return "not readable"
    return f"{status.st_size} {status.st_mtime_ns}"


def _can_be_input(path: str) -> bool:
    return os.path.isfile(path) and "{" not in path and "}" not in path


def _is_like_path(text: str) -> bool:
    return "/" in text or bool(PurePath(text).suffix)
