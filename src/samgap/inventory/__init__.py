"""Inventory of the models: their modules, tensors and constants, and probes that run the packages' code.

Models are built on torch's device `meta`, which allocates no memory, so neither weights nor a GPU are needed.
"""
