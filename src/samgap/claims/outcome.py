"""The outcome of a check, and the verdict of a claim from the outcomes of its checks."""

from collections.abc import Sequence
from dataclasses import dataclass

from samgap.tables.claims import (
    AS_THE_SOURCE_SAYS,
    CONFIRMED,
    NOT_TESTABLE,
    OPEN,
    PARTLY,
    REFUTED,
    get_verdict_kind,
)


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        verdict: a verdict; `not testable: …` with the reason.
        evidence: what was found and where, with its unit, and for an estimate how many images or clusters carry it.
        value: the number, if there is one, with the ends of its confidence interval and its unit.
        n: images with data for an estimate; clusters of a difference.
        bound: the numbers at which the claim holds.
        table: the table whose rows decided, `inventory`, `probes`, `estimates` or `comparisons`; empty for a source.
        demo: whether a demo model was measured.
    """

    verdict: str
    evidence: str
    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    unit: str | None = None
    n: int | None = None
    bound: str | None = None
    table: str = ""
    demo: bool = False


def make_untestable(reason: str, evidence: str = "", table: str = "") -> Outcome:
    """Return the outcome of a check that this run cannot make."""
    return Outcome(f"{NOT_TESTABLE}: {reason}", evidence or reason, table=table)


def combine_verdicts(verdicts: Sequence[str]) -> str:
    """Return the verdict of a claim that says several things, each of which was checked.

    The first of these rules that applies: a part that is not testable leaves the claim not testable; an open part
    leaves it open; parts that hold and parts that do not make it partly true; all parts refuted refute it; a part that
    only a source says makes the whole as the source says; else all are confirmed.
    """
    kinds = {get_verdict_kind(verdict): verdict for verdict in reversed(verdicts)}
    if NOT_TESTABLE in kinds:
        return kinds[NOT_TESTABLE]
    if OPEN in kinds:
        return OPEN
    if PARTLY in kinds or (REFUTED in kinds and len(kinds) > 1):
        return PARTLY
    for verdict in (REFUTED, AS_THE_SOURCE_SAYS):
        if verdict in kinds:
            return verdict
    return CONFIRMED
