"""Batch sizes follow the free memory and are halved when it runs out."""

import pytest
import torch

from samgap.errors import UserError
from samgap.models.runtime import batching
from samgap.models.runtime.batching import MemoryBatcher, is_out_of_memory

ERRORS = [
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory: 12 (…)"),
    MemoryError(),
]


def run_batches(batcher, n_items, max_fitting, error=None, bytes_per_item=1.0):
    """Return the results for `n_items` items, and the sizes of all attempted batches."""
    attempted = []

    def multiply(batch):
        attempted.append(len(batch))
        if len(batch) > max_fitting:
            raise error
        return [item * 10 for item in batch]

    results = [item for _, batch in batcher.map(range(n_items), bytes_per_item, multiply) for item in batch]
    return results, attempted


@pytest.mark.parametrize("error", ERRORS, ids=["gpu", "allocator", "python"])
def test_batch_is_halved_until_it_fits_and_all_items_are_processed(error, caplog):
    batcher = MemoryBatcher(32, "cpu")
    results, attempted = run_batches(batcher, 40, 5, error)
    assert results == [10 * number for number in range(40)]
    assert attempted == [32, 16, 8] + [4] * 10
    assert "out of memory with a batch of 8 prompts; retrying with 4" in caplog.text
    # The limit also holds for the next image, except for prompts that need less memory.
    assert run_batches(batcher, 8, 5, error)[1] == [4, 4]
    assert run_batches(batcher, 8, 99, bytes_per_item=0.5)[1] == [8]


def test_single_item_that_does_not_fit_is_a_user_error():
    with pytest.raises(UserError, match="out of memory with a single prompt"):
        run_batches(MemoryBatcher(32, "cpu"), 3, 0, ERRORS[0])


def test_other_errors_are_raised_unchanged():
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        run_batches(MemoryBatcher(32, "cpu"), 3, 0, RuntimeError("shapes do not fit"))
    assert not is_out_of_memory(ValueError("not enough memory"))


def test_failed_allocation_of_torch_is_out_of_memory():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(1 << 58, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def test_batch_sizes_are_powers_of_two_that_fall_with_the_free_memory(monkeypatch):
    free = {}
    monkeypatch.setattr(batching, "get_free_memory_bytes", lambda device: free["bytes"])
    batcher = MemoryBatcher(32, "cpu")
    sizes = []
    for free["bytes"] in (1e12, 23e6, 20e6, 9e6, 1e6, 0):
        sizes.append(batcher.compute_batch_size(1e6))
    assert sizes == [32, 8, 8, 4, 1, 1]


def test_run_retries_package_code_with_half_the_batch_size(caplog):
    batcher, attempted = MemoryBatcher(64, "cpu"), []

    def work(batch_size):
        attempted.append(batch_size)
        if batch_size > 16:
            raise ERRORS[0]
        return "all"

    def fail(batch_size):
        raise ERRORS[0]

    assert batcher.run(1.0, work) == "all" and batcher.run(1.0, work) == "all"
    assert attempted == [64, 32, 16, 16]
    assert "out of memory with a batch of 32 prompts; retrying with 16" in caplog.text
    with pytest.raises(UserError, match="out of memory with a single prompt"):
        batcher.run(1.0, fail)
