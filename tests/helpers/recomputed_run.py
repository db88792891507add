"""Experiments of a small run that measure every metric of the demo, for the comparison with the second path."""

from pathlib import Path
from typing import Any

import yaml

from samgap.config.catalogs import merge_catalogs
from samgap.config.prompt_kinds import read_prompt_kinds

ROOT = Path(__file__).parents[2]

PHRASES = [
    {"phrase": "apple", "noun": "apple", "concept": "apple"},
    {"phrase": "apples", "noun": "apple", "concept": "apple"},
    {"phrase": "ripe apple", "noun": "apple", "attributes": {"ripeness": "ripe"}},
    {"phrase": "unripe apple", "noun": "apple", "attributes": {"ripeness": "unripe"}},
    {"phrase": "ripe red apple", "noun": "apple", "attributes": {"ripeness": "ripe", "colour": "red"}},
    {"phrase": "orange", "noun": "orange"},
    # The small model finds no leaves on small scenes, but masks for this phrase, as if it named a thing without labels.
    {"phrase": "mature apple", "other": True},
]
FRAMES = {"kind": "orchard-sim", "shards": 1, "scenes": 2, "frames": 4, "size": 192, "seed": 5}
SCORE_THRESHOLD = 0.25
"""On the small scenes, few masks have a higher score."""


def read_demo() -> dict[str, Any]:
    """Return the demo's configuration with its catalogs."""
    return merge_catalogs(yaml.safe_load((ROOT / "config" / "demo.yaml").read_text(encoding="utf-8")), ROOT)


def list_demo_metrics() -> dict[str, list[str]]:
    """Return the metrics of the demo's experiments by their prompts.

    The groups are `phrases`, `clicks`, `tracks`, `points` (the choice among the masks of a point) and `spatial`.
    """
    config, kinds = read_demo(), read_prompt_kinds(ROOT)
    metrics: dict[str, dict[str, None]] = {name: {} for name in ("phrases", "clicks", "tracks", "points", "spatial")}
    for experiment in config["experiments"].values():
        for prompts in experiment["prompts"]:
            kind = kinds[config["prompts"][prompts]["kind"]]
            group = "phrases" if kind.takes_phrase else "clicks" if kind.interactive else "spatial"
            group = "tracks" if kind.sequence else group
            for metric in experiment["metrics"]:
                metrics["points" if metric.startswith("oracle-") else group][metric] = None
    return {group: list(names) for group, names in metrics.items()}


def use_demo_metrics(sections: dict[str, Any]) -> dict[str, Any]:
    """Return the sections of a small run with experiments of every metric of the demo, on its data set `orchard`."""
    metrics = list_demo_metrics()
    experiments = {
        "every-box-metric": {"models": ["sam2-demo"], "prompts": ["box"], "metrics": metrics["spatial"]},
        "every-phrase-metric": {"models": ["sam3-demo"], "prompts": ["phrasings"], "metrics": metrics["phrases"]},
        "every-click-metric": {"models": ["sam2-demo"], "prompts": ["few-clicks"], "metrics": metrics["clicks"]},
        "every-point-metric": {"models": ["sam2-demo"], "prompts": ["point"], "metrics": metrics["points"]},
        "every-track-metric": {
            "datasets": ["frames"],
            "models": ["sam2-demo"],
            "prompts": ["few-tracks"],
            "metrics": metrics["tracks"],
        },
    }
    sides = ({"model": "sam3-demo", "prompts": "phrasings"}, {"model": "sam2-demo", "prompts": "box"})
    return {
        **sections,
        "datasets": {**sections["datasets"], "frames": FRAMES},
        "prompts": {
            **sections["prompts"],
            "phrasings": {"kind": "phrases", "phrases": PHRASES},
            "few-clicks": {"kind": "clicks", "clicks": 3, "subset": {"instances": 4}},
            "point": {"kind": "point"},
            "few-tracks": {"kind": "track", "subset": {"instances": 4}},
        },
        "experiments": {name: {"title": name, "datasets": ["orchard"], **entry} for name, entry in experiments.items()},
        "comparisons": {
            "phrases": {
                "title": "Phrases or boxes",
                "experiments": ["every-box-metric", "every-phrase-metric"],
                "metrics": ["iou", "dice", "recall"],
                "strata": ["area", "ripeness"],
                "pairs": [dict(zip(("candidate", "baseline"), sides, strict=True))],
            }
        },
        "thresholds": {**sections["thresholds"], "prompts": "phrasings"},
        "statistics": {**sections["statistics"], "score-threshold": SCORE_THRESHOLD},
        "figures": {},
        "tables": {},
    }
