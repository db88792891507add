"""The rows of the table `claims`: each claim with the verdict that its checks give."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from samgap.claims.architecture import check_absent, check_attribute, check_parameters
from samgap.claims.data import ClaimData
from samgap.claims.estimate import check_estimate
from samgap.claims.fact import check_fact, describe_source
from samgap.claims.outcome import Outcome, combine_verdicts
from samgap.claims.probe import check_probe
from samgap.claims.unmeasured import check_unmeasured
from samgap.tables.claims import NOT_TESTABLE, PARTLY, get_verdict_kind

CHECKS: Mapping[str, Callable[[Mapping[str, Any], ClaimData], Outcome]] = {
    "parameters": check_parameters,
    "attribute": check_attribute,
    "absent": check_absent,
    "probe": check_probe,
    "fact": check_fact,
    "estimate": check_estimate,
    "unmeasured": check_unmeasured,
}
"""Kind of check -> the function that makes it. config/claims.schema.yaml has the keys of each."""

NUMBERS = ("value", "ci_low", "ci_high", "unit", "n", "bound")
"""Columns of the number that decided; null if the claim is partly true, since then no single number did."""
VERSIONED = ("https://github.com/", "https://huggingface.co/")
"""Addresses of repositories, whose page of a version is `<address>/tree/<version>`."""
COPIED = ("id", "section", "kind", "reason", "wording")


def decide_claims(
    claims: Iterable[Mapping[str, Any]], data: ClaimData, paths: Mapping[str, str | Path], run: str
) -> list[dict[str, Any]]:
    """Return the rows of the table `claims`, in the order of `claims`.

    Args:
        claims: entries of config/paper/claims.yaml.
        data: the tables of the run.
        paths: the files of these tables, by name.
        run: name of the run.
    """
    return [_decide_claim(claim, data, paths, run) for claim in claims]


def _decide_claim(
    claim: Mapping[str, Any], data: ClaimData, paths: Mapping[str, str | Path], run: str
) -> dict[str, Any]:
    outcomes = [CHECKS[check["check"]](check, data) for check in claim["checks"]]
    verdict = combine_verdicts([outcome.verdict for outcome in outcomes])
    deciding = _get_deciding(outcomes, verdict)
    several = len(outcomes) > 1
    tables = dict.fromkeys(outcome.table for outcome in outcomes if outcome.table)
    return {
        **{key: claim[key] for key in COPIED},
        "verdict": verdict,
        **{key: getattr(deciding, key, None) for key in NUMBERS},
        "checks": [check["check"] for check in claim["checks"]],
        "evidence": [
            f"{get_verdict_kind(each.verdict)}: {_describe(each)}" if several else _describe(each) for each in outcomes
        ],
        "sources": [describe_source(reference, data.sources) for reference in claim.get("sources", [])],
        "addresses": list(dict.fromkeys(_describe_address(key, data.sources) for key in _list_source_keys(claim))),
        "source": ";".join(str(paths[table]) for table in tables),
        "run": run,
        "demo": get_verdict_kind(verdict) != NOT_TESTABLE and any(outcome.demo for outcome in outcomes),
    }


def _get_deciding(outcomes: Sequence[Outcome], verdict: str) -> Outcome | None:
    """Return the first outcome with a number whose verdict is that of the claim; None if no single number decided."""
    if verdict == PARTLY:
        return None
    return next((outcome for outcome in outcomes if outcome.value is not None and outcome.verdict == verdict), None)


def _describe(outcome: Outcome) -> str:
    """Return the evidence with the numbers at which the claim holds."""
    return f"{outcome.evidence} (claimed: {outcome.bound})" if outcome.bound else outcome.evidence


def _list_source_keys(claim: Mapping[str, Any]) -> list[str]:
    """Return the keys of the sources that a claim and the statements of its checks refer to."""
    statements = [statement for check in claim["checks"] for statement in check.get("statements", [])]
    references = [*(statement["source"] for statement in statements), *claim.get("sources", [])]
    return [reference.split(" ")[0] for reference in references]


def _describe_address(key: str, sources: Mapping[str, Mapping[str, Any]]) -> str:
    source = sources[key]
    where, version = source["where"], source.get("version")
    if version and where.startswith(VERSIONED):
        return f"{source['name']}: {where}/tree/{version}"
    return f"{source['name']}: {where}" + (f" ({version})" if version else "")
