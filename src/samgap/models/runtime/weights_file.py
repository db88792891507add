"""Reading of weights files. No code in a file is executed, and a file of another kind is named in the error."""

import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core.multiarray import _reconstruct, scalar
from safetensors.torch import load_file

from samgap.errors import DamagedFileError, UserError, make_reading_error

NUMPY_GLOBALS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    scalar,
    _reconstruct,
    (scalar, "numpy.core.multiarray.scalar"),
    (_reconstruct, "numpy.core.multiarray._reconstruct"),
    np.ndarray,
    np.dtype,
    *(type(np.dtype(code)) for code in "?bBhHiIlLqQefdgFDGSUMm"),
]
"""Functions and classes that numpy's scalars and arrays of numbers and texts need, with their names before numpy 2.
They create values and call nothing."""

HEAD_BYTES = 1024
LFS_START = b"version https://git-lfs.github.com/spec/"
KINDS_BY_START = (
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"BZh", "a bzip2 archive; unpack it first"),
    (b"\xfd7zXZ\x00", "an xz archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"\x89HDF\r\n", "an HDF5 file (Keras, TensorFlow); weights of PyTorch are needed"),
    (b"GGUF", "a GGUF file; weights of PyTorch are needed"),
    (b"\x93NUMPY", "a numpy array; weights of PyTorch are needed"),
)
"""First bytes of files of other kinds, and what they are."""


def read_weights(path: Path) -> dict[Any, Any]:
    """Return the content of a PyTorch or safetensors file, without executing code in it (`weights_only`).

    The content is a state dict, or a dictionary that has one among its values (`samgap.models.runtime.weights_layout`).
    Numbers and arrays of numpy beside the tensors are read; other objects are an error.

    Raises:
        DamagedFileError: the content of the file cannot be read, or the file is of another kind.
        UserError: the file cannot be opened, holds other objects, or its content is not a dictionary.
    """
    try:
        fault = find_file_fault(path)
        if fault:
            raise DamagedFileError(f"{path}: not a weights file: it is {fault}", path)
        content = load_file(path) if is_safetensors(path) else _load_torch_file(path)
    except UserError:
        raise
    except OSError as error:
        raise UserError(
            f"{path}: the weights file cannot be read ({error.strerror or error}); check its path"
        ) from error
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) and (name := _find_object_name(error)):
            raise UserError(
                f"{path}: the file holds objects other than tensors ({name}), which are not loaded because they could "
                "run code; save the state dict alone: torch.save(model.state_dict(), path)"
            ) from error
        message = (
            f"{path}: not a readable weights file ({type(error).__name__}): it is damaged, cut off, or not written by "
            "torch.save; fetch or save it again"
        )
        raise make_reading_error(message, path, error) from error
    if not isinstance(content, dict):
        raise UserError(
            f"{path}: not a weights file: it contains a {type(content).__name__}, not a dictionary; check its source"
        )
    return content


def is_safetensors(path: Path) -> bool:
    """Return whether a file starts as safetensors: the length of its header in eight bytes, and the header in JSON."""
    with path.open("rb") as file:
        head = file.read(9)
    return head[8:] == b"{" and int.from_bytes(head[:8], "little") <= path.stat().st_size - 8


def find_file_fault(path: Path) -> str | None:
    """Return what a file is if it is certainly no complete weights file, as the end of a sentence; else None.

    Raises:
        OSError: the file cannot be opened.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return "empty; fetch it again"
    if head.startswith(LFS_START):
        return "a pointer of git-LFS, which stands for the file; run `git lfs pull`, or download the file itself"
    if is_safetensors(path):
        return None
    if head.startswith(b"PK\x03\x04"):
        return _find_zip_fault(path)
    for start, kind in KINDS_BY_START:
        if head.startswith(start):
            return kind
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it first"
    return _find_text_kind(head)


def _find_zip_fault(path: Path) -> str | None:
    if not zipfile.is_zipfile(path):
        return "cut off: the end of its zip archive is missing; fetch or save it again"
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    base_names = {name.rpartition("/")[2] for name in names}
    if "constants.pkl" in base_names:
        return "a TorchScript program; save the state dict of the model: torch.save(model.state_dict(), path)"
    if "data.pkl" not in base_names:
        return f"a zip archive of other files ({', '.join(names[:3])}); unpack it first"
    return None


def _find_text_kind(head: bytes) -> str | None:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")) or b"<html" in text:
        return (
            "a web page (HTML), saved in place of the file; download the file itself (on a model hub the address with "
            "/resolve/, not /blob/), logged in if that is needed"
        )
    if text.startswith((b"<?xml", b"<error")):
        return "an XML text, probably the error message of a server; download it again"
    if text.startswith((b"{", b"[")) and _is_text(head):
        return "a JSON text (an index or an error message); download the file with the weights itself"
    return "a text; check its source" if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    return all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head)


def _load_torch_file(path: Path) -> Any:
    # A file with optimizer states is several times as large as the model; mapped, only what is used is read.
    with torch.serialization.safe_globals(NUMPY_GLOBALS):
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))


def _find_object_name(error: pickle.UnpicklingError) -> str | None:
    """Return the name of the class or function that torch refused to load; None if the error has another cause."""
    if "DTensor" in str(error):
        return "torch.distributed.tensor.DTensor"
    match = re.search(r"GLOBAL (\S+)", str(error))
    return match[1] if match else None
