"""Prediction of one shard of a data set by a model, with masks as RLEs; a killed job resumes after its last chunk."""
