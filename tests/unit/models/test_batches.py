"""Batches follow the memory that is free, and are halved when it runs out."""

import pytest
import torch

from samgap.errors import UserError
from samgap.models.runtime import batching
from samgap.models.runtime import device as _device
from samgap.models.runtime.batching import MemoryBatcher, is_out_of_memory

ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: 12 (…)"),
    MemoryError(),
]


def run(batches, number, most_that_fits, error=None, each=1.0):
    tried = []

    def work(some):
        tried.append(len(some))
        if len(some) > most_that_fits:
            raise error
        return [item * 10 for item in some]

    found = [one for _, part in batches.map(range(number), each, work) for one in part]
    return found, tried


@pytest.mark.parametrize("error", ERRORS, ids=["gpu", "allocator", "python"])
def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_nothing_is_lost(error, caplog):
    batches = MemoryBatcher(32, "cpu")
    found, tried = run(batches, 40, 5, error)
    assert found == [10 * number for number in range(40)]
    assert tried == [32, 16, 8] + [4] * 10
    assert "out of memory with 8 prompts at once: going on with 4" in caplog.text
    # It is remembered for the next image, but not for one whose prompts take less.
    assert run(batches, 8, 5, error)[1] == [4, 4]
    assert run(batches, 8, 99, each=0.5)[1] == [8]


def test_what_cannot_be_halved_is_one_line():
    with pytest.raises(UserError, match="not even one prompt of an image fits into the memory"):
        run(MemoryBatcher(32, "cpu"), 3, 0, ERRORS[0])


def test_other_errors_are_not_taken_for_it():
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        run(MemoryBatcher(32, "cpu"), 3, 0, RuntimeError("shapes do not fit"))
    assert not is_out_of_memory(ValueError("not enough memory"))


def test_a_real_allocation_that_fails_is_told_as_it():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 58, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_less_free_memory_means_smaller_batches_in_powers_of_two(monkeypatch):
    free = {}
    monkeypatch.setattr(batching, "get_free_memory_bytes", lambda device: free["bytes"])
    batches = MemoryBatcher(32, "cpu")
    sizes = []
    for free["bytes"] in (1e12, 23e6, 20e6, 9e6, 1e6, 0):
        sizes.append(batches.batch_size(1e6))
    assert sizes == [32, 8, 8, 4, 1, 1]


def test_a_scheduler_s_limit_counts_wherever_it_stands(tmp_path):
    job = tmp_path / "sys" / "slurm" / "job"
    (job / "step").mkdir(parents=True)
    told = tmp_path / "cgroup"
    told.write_text("1:name=systemd:/\n0::/slurm/job/step\n")
    limits = {job: ("4000", "1500"), job / "step": ("max", "10"), job.parent: ("9000", "8900")}
    for folder, (limit, used) in limits.items():
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
        (folder / "memory.stat").write_text("anon 10\ninactive_file 200\n")
    assert sorted(_device._get_free_cgroup_bytes(tmp_path / "sys", told)) == [300, 2700]
    assert _device._get_free_cgroup_bytes(tmp_path / "sys", tmp_path / "none") == []
    assert _device.get_free_memory_bytes("cpu") > 0


def test_work_that_makes_its_batches_itself_is_told_of_half_as_many(caplog):
    batches, told = MemoryBatcher(64, "cpu"), []

    def work(number):
        told.append(number)
        if number > 16:
            raise ERRORS[0]
        return "all"

    assert batches.run(1.0, work) == "all" and batches.run(1.0, work) == "all"
    assert told == [64, 32, 16, 16]
    assert "out of memory with 32 prompts at once: going on with 16" in caplog.text
    with pytest.raises(UserError, match="not even one prompt"):
        batches.run(1.0, lambda number: (_ for _ in ()).throw(ERRORS[0]))
