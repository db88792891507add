"""Which metrics SAM3's own evaluator of phrases reports."""

from collections.abc import Iterator

from sam3.eval.cgf1_eval import CGF1_METRICS

from samgap.inventory.probes import Measurement

EVIDENCE = "sam3/eval/cgf1_eval.py: CGF1_METRICS"
OFFICIAL = ("cgF1", "positive_micro_F1", "IL_MCC")
PAPER_WORDS = ("grounding", "attribute", "vocabulary", "localization", "concept")


def measure() -> Iterator[Measurement]:
    """Yield the number of metrics, of the official ones, of recalls, and of those that the paper names."""
    names = sorted({metric.name for metric in CGF1_METRICS})
    yield Measurement("metrics", len(names), "metrics", EVIDENCE, "sam3", ", ".join(names))
    yield Measurement(
        "official", sum(name in names for name in OFFICIAL), "metrics", EVIDENCE, "sam3", ", ".join(OFFICIAL)
    )
    yield Measurement("recalls", names.count("recall"), "metrics", EVIDENCE, "sam3", "recall of instances")
    paper = [name for name in names if any(word in name.lower() for word in PAPER_WORDS)]
    yield Measurement("named-by-the-paper", len(paper), "metrics", EVIDENCE, "sam3", ", ".join(PAPER_WORDS))
