"""Binary masks: run-length encoding, overlap, and boundaries."""
