"""Table of the stage `claims`."""

import pyarrow as pa

from samgap.tables.parquet import Table, column

CONFIRMED, REFUTED, PARTLY, OPEN = "confirmed", "refuted", "partly", "open"
AS_THE_SOURCE_SAYS, NOT_TESTABLE = "as the source says", "not testable"
VERDICTS = (CONFIRMED, AS_THE_SOURCE_SAYS, PARTLY, REFUTED, OPEN, NOT_TESTABLE)
"""The verdicts; `not testable` is followed by a colon and the reason."""

KINDS = ("structural", "numerical", "data", "training", "behavioural")
"""The kinds of claims, in the order of config/claims.schema.yaml."""
REASONS = (
    *("prompts", "architecture", "representation", "decoding", "ambiguity", "encoder"),
    *("objectives", "data", "metrics"),
)
"""The reasons of claims, in the order of config/claims.schema.yaml."""

CLAIMS = Table(
    "claims",
    [
        column("id", pa.string(), "the id in config/paper/claims.yaml"),
        column("section", pa.string(), "where the paper or the README makes the claim"),
        column("kind", pa.string(), "structural, numerical, data, training or behavioural"),
        column("reason", pa.string(), "branch of Figures 4 and 6 that the claim belongs to"),
        column("wording", pa.string(), "the claim in our words"),
        column("verdict", pa.string(), "one of VERDICTS; `not testable: …` with the reason"),
        column(
            "value",
            pa.float64(),
            "number of the first check that has the verdict of the claim; null if the claim is partly true",
            nullable=True,
        ),
        column("ci_low", pa.float64(), "lower end of its confidence interval, of an estimate", nullable=True),
        column("ci_high", pa.float64(), "upper end of its confidence interval, of an estimate", nullable=True),
        column("unit", pa.string(), "unit of the value", nullable=True),
        column("n", pa.int64(), "images with data for the estimate; of a difference, clusters", nullable=True),
        column("bound", pa.string(), "the numbers at which the claim holds, by the same check", nullable=True),
        column("checks", pa.list_(pa.string()), "kinds of the claim's checks, in order"),
        column(
            "evidence",
            pa.list_(pa.string()),
            "what each check found, where, and what was claimed; with its verdict if there are several",
        ),
        column("sources", pa.list_(pa.string()), "publications that say the same or else, with the place"),
        column("addresses", pa.list_(pa.string()), "where these publications and those of facts are"),
        column("source", pa.string(), "tables whose rows decided, separated by `;`; empty if none did"),
        column("run", pa.string(), "the run"),
        column("demo", pa.bool_(), "whether an estimate of a demo model decided"),
    ],
)
"""A row is a claim of the paper or of the published README, with its verdict."""


def get_verdict_kind(verdict: str) -> str:
    """Return the verdict without the reason: `not testable` of `not testable: no interval`."""
    return verdict.partition(":")[0]
