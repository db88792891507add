"""`snakemake site_check` on one machine: what it prints, and that each start checks again."""

import pytest

from .conftest import SCENES, baseline_config

pytestmark = pytest.mark.workflow


def test_the_site_is_described_on_one_machine_and_again_at_the_next_start(checkout):
    checkout.write_config(**baseline_config(SCENES))
    output = checkout.run("site_check")
    for text in (
        "CPU job",
        "GPU job",
        "driver:",
        "torch: 2.",
        "disks (MB/s written/read):",
        "SLURM: no",
        "# no SLURM:",
    ):
        assert text in output, text
    assert "NVIDIA" in output or "problem: no GPU: predictions and trainings run on the CPU" in output
    assert not list((checkout.folder / "results").rglob("site/*.json"))
    assert "site_job" in checkout.run("site_check", "--dry-run")
