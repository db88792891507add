"""Weights of models, from the sources in a configuration."""
