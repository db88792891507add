"""Predictions: a model, loaded once, answers all prompts of a shard of images."""
