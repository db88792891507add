#!/usr/bin/env bash
# Snakemake runs this after it has created the conda environment of models.yaml. sam2 is built from source, without CUDA.
set -euo pipefail
SAM2_BUILD_CUDA=0 python -m pip install --no-build-isolation --no-deps sam2==1.1.0
