"""The options of sbatch for GPUs whose type has a hyphen, with the plugin's own function."""

import importlib
from types import SimpleNamespace

import pytest

from samgap.jobs.slurm.gpu_options import allow_hyphens


class Resources(dict):
    def __getattr__(self, name):
        return self[name]


@pytest.mark.parametrize(
    ("resources", "options"),
    [
        ({"gpu_model": "rtx-a6000", "gpu": 2}, " --gpus=rtx-a6000:2"),
        ({"gres": "gpu:nvidia_a100-sxm4-80gb:1"}, " --gres=gpu:nvidia_a100-sxm4-80gb:1"),
        ({"gpu": 1}, " --gpus=1"),
        ({"gpu": 0}, ""),
    ],
)
def test_types_with_a_hyphen_are_options(resources, options):
    plugin = importlib.import_module("snakemake_executor_plugin_slurm.utils")
    assert allow_hyphens(plugin.set_gres_string)(SimpleNamespace(resources=Resources(resources))) == options


def test_other_characters_are_refused():
    plugin = importlib.import_module("snakemake_executor_plugin_slurm.utils")
    with pytest.raises(Exception, match="Invalid GPU model format"):
        allow_hyphens(plugin.set_gres_string)(SimpleNamespace(resources=Resources(gpu_model="a b")))
