"""A second path from raw masks to the values of a run's tables; no module imports `samgap`."""
