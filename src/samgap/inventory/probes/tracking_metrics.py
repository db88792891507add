"""Whether SAM3's package evaluates tracking: its HOTA on a track that keeps its identity and on one that does not."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from sam3.eval.hota_eval_toolkit.trackeval.metrics.hota import HOTA

from samgap.inventory.probes import Measurement
from samgap.inventory.probes._source import list_classes, parse_module

EVIDENCE = "sam3/eval/hota_eval_toolkit/trackeval/metrics/hota.py: HOTA"
N_FRAMES = 4


def measure() -> Iterator[Measurement]:
    """Yield HOTA of both tracks, and the number of evaluators of videos."""
    kept, changed = [0] * N_FRAMES, [0, 0, 1, 1]
    for name, identities in (("kept", kept), ("changed", changed)):
        yield Measurement(f"hota-identity-{name}", _compute_hota(identities), "HOTA", EVIDENCE, "sam3")
    classes = list_classes(parse_module("sam3.eval.saco_veval_evaluators"))
    evaluators = [name for name in classes if name.startswith("Video")]
    file = "sam3/eval/saco_veval_evaluators.py"
    yield Measurement("video-evaluators", len(evaluators), "classes", file, "sam3", ", ".join(evaluators))


def _compute_hota(identities: list[int]) -> float:
    """Return the mean HOTA over IoU thresholds of perfect masks with these identities, one a frame."""
    data: dict[str, Any] = {
        "num_tracker_dets": N_FRAMES,
        "num_gt_dets": N_FRAMES,
        "num_gt_ids": 1,
        "num_tracker_ids": len(set(identities)),
        "gt_ids": [np.array([0])] * N_FRAMES,
        "tracker_ids": [np.array([identity]) for identity in identities],
        "similarity_scores": [np.ones((1, 1))] * N_FRAMES,
    }
    return float(HOTA().eval_sequence(data)["HOTA"].mean())
