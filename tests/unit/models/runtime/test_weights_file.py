"""Weights files: nothing in them is executed, and files of other kinds are named."""

import argparse
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from samgap.errors import UserError
from samgap.models.runtime.weights_file import read_weights

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 3450062241\n"
OTHER_FILES = {
    "empty": (b"", "empty; fetch it again"),
    "lfs": (LFS_POINTER, "a pointer of git-LFS.*`git lfs pull`"),
    "html": (b"\n<!DOCTYPE html>\n<html><title>Log in</title>", r"a web page \(HTML\).*/resolve/, not /blob/"),
    "html without doctype": (b"<html>not found</html>", "a web page"),
    "xml": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML text"),
    "json": (json.dumps({"weight_map": {"a": "model-1.safetensors"}}).encode(), "a JSON text"),
    "text": (b"weights are on the other server\n", "a text"),
    "gzip": (b"\x1f\x8b\x08\x00\x00", "a gzip archive; unpack it"),
    "hdf5": (b"\x89HDF\r\n\x1a\n\x00", "an HDF5 file"),
    "tar": (b"model.pt".ljust(257, b"\0") + b"ustar\x0000", "a tar archive"),
}


class RaisesWhenUnpickled:
    def __reduce__(self):
        return exec, ("raise SystemExit('executed')",)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sam9.pt"


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_is_not_executed(path: Path, zipped: bool) -> None:
    if zipped:
        torch.save({"model": RaisesWhenUnpickled()}, path)
    else:
        path.write_bytes(pickle.dumps({"model": RaisesWhenUnpickled()}, protocol=2))
    with pytest.raises(
        UserError, match=r"sam9\.pt: .*objects other than tensors \(.*exec\).*save the state dict alone"
    ):
        read_weights(path)


@pytest.mark.parametrize("name", OTHER_FILES)
def test_files_of_other_kinds_are_named(path: Path, name: str) -> None:
    content, message = OTHER_FILES[name]
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"sam9\.pt: not a weights file: it is {message}"):
        read_weights(path)


@pytest.mark.parametrize("kept_share", [0.1, 0.5, 0.99])
def test_a_file_that_is_cut_off_is_named(path: Path, kept_share: float) -> None:
    torch.save({"model": {"weight": torch.zeros(5000)}}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept_share)])
    with pytest.raises(UserError, match=r"sam9\.pt: not a weights file: it is cut off: .*fetch or save it again"):
        read_weights(path)


@pytest.mark.parametrize("kept_share", [0.1, 0.5, 0.99])
def test_a_safetensors_file_that_is_cut_off_is_named(path: Path, kept_share: float) -> None:
    save_file({f"layer{number}.weight": torch.zeros(100) for number in range(30)}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept_share)])
    with pytest.raises(UserError, match=r"sam9\.pt: not a readable weights file .*cut off"):
        read_weights(path)


def test_archives_and_programs_are_named(path: Path) -> None:
    np.savez(path.with_suffix(".npz"), weight=np.zeros(3))
    with pytest.raises(UserError, match=r"a zip archive of other files \(weight\.npy\)"):
        read_weights(path.with_suffix(".npz"))
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    with pytest.raises(UserError, match="a TorchScript program; save the state dict"):
        read_weights(path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "value", [np.float64(0.7), np.float32(0.7), np.int64(7), np.bool_(True), np.str_("best"), np.array([0.7, 0.8])]
)
def test_numbers_of_numpy_beside_tensors_are_read(path: Path, value: np.generic, zipped: bool) -> None:
    torch.save({"model": {"weight": torch.ones(2)}, "best": value}, path, _use_new_zipfile_serialization=zipped)
    content = read_weights(path)
    assert np.array_equal(content["best"], value) and type(content["best"]) is type(value)
    assert torch.equal(content["model"]["weight"], torch.ones(2))


def test_numbers_written_by_numpy_1_are_read(path: Path) -> None:
    torch.save({"weight": torch.ones(2), "best": np.float64(0.7)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    assert b"numpy._core.multiarray" in content
    path.write_bytes(content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert read_weights(path)["best"] == 0.7


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (argparse.Namespace(lr=1e-4), r"argparse\.Namespace"),
        (Path("runs/7"), r"pathlib\.PosixPath"),
        (torch.nn.Linear(2, 2), r"torch\.nn\.modules\.linear\.Linear"),
    ],
)
def test_other_objects_are_named(path: Path, value: object, name: str) -> None:
    torch.save({"model": {"weight": torch.ones(2)}, "args": value}, path)
    with pytest.raises(UserError, match=rf"objects other than tensors \({name}\).*torch\.save\(model\.state_dict\(\)"):
        read_weights(path)


def test_file_without_a_dictionary_is_a_user_error(path: Path) -> None:
    torch.save(torch.zeros(3), path)
    with pytest.raises(UserError, match=r"sam9\.pt: not a weights file: it contains a Tensor"):
        read_weights(path)


def test_a_missing_file_is_a_user_error(path: Path) -> None:
    with pytest.raises(UserError, match=r"sam9\.pt: the weights file cannot be read \(No such file or directory\)"):
        read_weights(path)
