"""Training: one module a model family, all driven by the loop in `_run.py`."""
