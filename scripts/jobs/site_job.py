"""Rule `site_job`: describe the node, driver, GPU, disks and network that a job gets."""

import os
import tempfile
from pathlib import Path

from samgap.io.files import write_json
from samgap.jobs.script import job_context
from samgap.jobs.site_check import describe_node

with job_context(snakemake):
    import torch

    output = Path(snakemake.output.node)
    node = describe_node(snakemake.params.hosts, {"results": output.parent, "TMPDIR": Path(tempfile.gettempdir())})
    gpus, error = [], None
    if snakemake.wildcards.kind == "gpu" and torch.cuda.is_available():
        try:
            for index in range(torch.cuda.device_count()):
                device = torch.cuda.get_device_properties(index)
                gpus.append(f"{device.name}, {device.total_memory >> 20:,} MB")
                (
                    torch.ones(256, 256, device=f"cuda:{index}") @ torch.ones(256, 256, device=f"cuda:{index}")
                ).sum().item()
        except RuntimeError as failure:
            error = " ".join(str(failure).split())[:300]
    node["torch"] = {"version": torch.__version__, "cuda": torch.version.cuda, "gpus": gpus, "error": error}
    node["visible"] = os.environ.get("CUDA_VISIBLE_DEVICES")
    write_json(output, node)
