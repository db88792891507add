"""The configuration of a run: read from YAML, checked, and completed with defaults before Snakemake plans jobs."""
