"""Probes: one module each, which runs or reads code of an installed package and measures a few numbers.

`probes/my_probe.py` is the probe `my-probe`. It defines `measure() -> Iterator[Measurement]`, and its docstring says
what it shows. Tensors are small and random numbers have a fixed seed.
"""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from samgap.config.module_literals import list_modules

MARKER = "measure"
"""The function that the module of a probe defines; other modules are helpers."""


@dataclass(frozen=True)
class Measurement:
    """A number that a probe measured.

    Attributes:
        quantity: what was measured, words joined by "-"; unique in the probe.
        value: the number.
        unit: its unit, or what is counted.
        evidence: file and name of the package's code, as `training/loss_fns.py: iou_loss`.
        package: the distribution that has the code, `sam2` or `sam3`.
        detail: how it was measured.
    """

    quantity: str
    value: float
    unit: str
    evidence: str
    package: str
    detail: str = ""


def list_probes() -> list[str]:
    """Return the ids of all probes, sorted."""
    return list(list_modules(Path(__file__).parent, MARKER))


def run_probe(probe: str) -> list[dict[str, Any]]:
    """Return the rows of the table `probes` of a probe."""
    module = importlib.import_module(f"{__name__}.{probe.replace('-', '_')}")
    generator_state = torch.get_rng_state()
    torch.manual_seed(0)
    try:
        measurements: Iterator[Measurement] = module.measure()
        return [_make_row(probe, measurement) for measurement in measurements]
    finally:
        torch.set_rng_state(generator_state)


def _make_row(probe: str, measurement: Measurement) -> dict[str, Any]:
    return {
        "probe": probe,
        "quantity": measurement.quantity,
        "value": float(measurement.value),
        "unit": measurement.unit,
        "detail": measurement.detail,
        "evidence": measurement.evidence,
        "package": measurement.package,
        "version": metadata.version(measurement.package),
    }
