"""Another workflow imports this one as a module, with its own folder, rules and configuration."""

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from samgap.config.catalogs import merge_catalogs

from .conftest import baseline_config

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
PARENT = f"""
configfile: "parent.yaml"

module samgap:
    snakefile: "{ROOT}/Snakefile"
    config: config["samgap"]

use rule * from samgap as samgap_*

rule summary:
    default_target: True
    input: "results/apples/statistics/estimates.parquet"
    output: "summary.txt"
    shell: "wc -c < {{input}} > {{output}}"
"""


def run_parent(folder, *arguments):
    process = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=280,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-6000:]
    return process.stdout


def test_another_workflow_uses_the_rules_with_its_own_configuration(tmp_path):
    config = merge_catalogs(yaml.safe_load((ROOT / "config" / "demo.yaml").read_text(encoding="utf-8")), ROOT)
    config.update(baseline_config({"kind": "orchard-sim", "scenes": 2, "size": 96, "seed": 3}))
    config["run"] = "apples"
    del config["thresholds"]  # its model needs a network
    parent = {"samgap": config, "run": "a key of the parent"}
    (tmp_path / "parent.yaml").write_text(yaml.safe_dump(parent), encoding="utf-8")
    (tmp_path / "Snakefile").write_text(PARENT, encoding="utf-8")
    run_parent(tmp_path, "--force-use-threads")
    estimates = pq.read_table(tmp_path / "results/apples/statistics/estimates.parquet").to_pandas()
    assert set(estimates["model"]) == {"filled-box", "ellipse"} and estimates["value"].notna().any()
    assert (tmp_path / "summary.txt").is_file()
    # The profile of this workflow is not read for another one, so the parent names the triggers.
    triggers = ("--rerun-triggers", "mtime", "params", "input", "software-env")
    assert "Nothing to be done" in run_parent(tmp_path, "--dry-run", *triggers)
