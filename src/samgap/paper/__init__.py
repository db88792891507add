"""Figures and tables of the paper, one module each in `figures` and `tables`, and shared modules."""
