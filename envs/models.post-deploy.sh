#!/usr/bin/env bash
# Run by Snakemake once the conda environment models.yaml is there.
set -euo pipefail
SAM2_BUILD_CUDA=0 python -m pip install --no-build-isolation --no-deps sam2==1.1.0
