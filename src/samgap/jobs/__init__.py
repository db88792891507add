"""What rules and their scripts need around the work: code hashes, logs, shards, GPUs, provenance."""
