"""Infrastructure of rules and their scripts: code hashes, logs, shards, GPUs, provenance."""
