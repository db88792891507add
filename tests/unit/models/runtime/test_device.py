"""The free memory of the device, torch's settings, and calls of CUDA on a CPU; test_gpu_check.py has the choice."""

import torch

from samgap.models.runtime import device


def test_init_torch_sets_the_seed_the_number_of_threads_and_the_arithmetic(monkeypatch):
    settings = []
    monkeypatch.setattr(device, "set_arithmetic", settings.append)
    device.init_torch(1, True)
    first = torch.rand(3)
    device.init_torch(1, False)
    assert torch.equal(first, torch.rand(3)) and torch.get_num_threads() == 1
    assert settings == [True, False]


def test_cuda_shim_replaces_cuda_by_the_cpu():
    with device.cuda_shim("cpu"):
        assert torch.zeros(1, device="cuda").cuda().pin_memory().device.type == "cpu"


def test_limits_of_all_parent_control_groups_count(tmp_path):
    job = tmp_path / "sys" / "slurm" / "job"
    (job / "step").mkdir(parents=True)
    membership = tmp_path / "cgroup"
    membership.write_text("1:name=systemd:/\n0::/slurm/job/step\n", encoding="utf-8")
    limits = {job: ("4000", "1500"), job / "step": ("max", "10"), job.parent: ("9000", "8900")}
    for folder, (limit, used) in limits.items():
        (folder / "memory.max").write_text(f"{limit}\n", encoding="utf-8")
        (folder / "memory.current").write_text(f"{used}\n", encoding="utf-8")
        (folder / "memory.stat").write_text("anon 10\ninactive_file 200\n", encoding="utf-8")
    assert sorted(device._get_free_cgroup_bytes(tmp_path / "sys", membership)) == [300, 2700]
    assert device._get_free_cgroup_bytes(tmp_path / "sys", tmp_path / "none") == []
    assert device.get_free_memory_bytes("cpu") > 0
