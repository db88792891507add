"""Files, progress of long work, and redaction of tokens in logs."""
