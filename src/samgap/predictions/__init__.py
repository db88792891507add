"""Predictions: a model on one shard of a data set, every mask as RLE; chunks of finished images survive a killed job."""
