"""Annotations of a data set: ground truth, the meaning of noun phrases, and optical flow."""
