"""Predictions: a model on one shard of a data set, every mask as RLE; a killed job resumes."""
