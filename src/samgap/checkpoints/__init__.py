"""Weights of models, from the source that a configuration names."""
