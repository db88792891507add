"""Verdicts on the claims of config/paper/claims.yaml: from the inventory, the probes, the estimates and the sources.

docs/reference/claims.md describes how each kind of check decides.
"""
