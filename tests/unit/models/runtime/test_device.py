"""The choice of the device, its free memory, and torch's settings."""

import pytest
import torch

from samgap.errors import UserError
from samgap.models.runtime import device


def test_cuda_without_a_gpu_is_a_user_error_and_auto_selects_the_cpu(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="device: cuda, but no usable GPU"):
        device.select_device("cuda")
    with caplog.at_level("INFO", logger="samgap"):
        assert device.select_device("auto") == "cpu"
    assert "using the CPU" in caplog.text
    assert device.select_device("cpu") == "cpu"


def test_init_torch_sets_the_seed_and_the_number_of_threads():
    device.init_torch(1)
    first = torch.rand(3)
    device.init_torch(1)
    assert torch.equal(first, torch.rand(3)) and torch.get_num_threads() == 1


def test_cuda_shim_replaces_cuda_by_the_cpu():
    with device.cuda_shim("cpu"):
        assert torch.zeros(1, device="cuda").cuda().pin_memory().device.type == "cpu"


def test_limits_of_all_parent_control_groups_count(tmp_path):
    job = tmp_path / "sys" / "slurm" / "job"
    (job / "step").mkdir(parents=True)
    membership = tmp_path / "cgroup"
    membership.write_text("1:name=systemd:/\n0::/slurm/job/step\n")
    limits = {job: ("4000", "1500"), job / "step": ("max", "10"), job.parent: ("9000", "8900")}
    for folder, (limit, used) in limits.items():
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text("anon 10\ninactive_file 200\n")
    assert sorted(device._get_free_cgroup_bytes(tmp_path / "sys", membership)) == [300, 2700]
    assert device._get_free_cgroup_bytes(tmp_path / "sys", tmp_path / "none") == []
    assert device.get_free_memory_bytes("cpu") > 0
