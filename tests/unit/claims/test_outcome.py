"""The verdict of a claim from the verdicts of its parts."""

import pytest

from samgap.claims.outcome import combine_verdicts, make_untestable

CONFIRMED, REFUTED, OPEN, PARTLY, SAYS = "confirmed", "refuted", "open", "partly", "as the source says"
UNTESTABLE = "not testable: no such metric"


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ([CONFIRMED], CONFIRMED),
        ([CONFIRMED, CONFIRMED], CONFIRMED),
        ([REFUTED, REFUTED], REFUTED),
        ([CONFIRMED, REFUTED], PARTLY),
        ([SAYS, REFUTED], PARTLY),
        ([SAYS], SAYS),
        # What a source says is never confirmed, and neither is a claim that needs it.
        ([CONFIRMED, SAYS], SAYS),
        ([CONFIRMED, OPEN], OPEN),
        ([REFUTED, OPEN], OPEN),
        ([CONFIRMED, PARTLY], PARTLY),
        ([CONFIRMED, UNTESTABLE], UNTESTABLE),
        ([OPEN, REFUTED, UNTESTABLE, "not testable: another"], UNTESTABLE),
    ],
)
def test_all_parts_together_give_the_verdict(parts, verdict):
    assert combine_verdicts(parts) == verdict
    if len({part.split(":")[0] for part in parts}) == len(parts):  # the order matters only for equal reasons
        assert combine_verdicts(parts[::-1]) == verdict


def test_an_untestable_check_has_its_reason_as_evidence():
    outcome = make_untestable("this run has no videos", table="estimates")
    assert outcome.verdict == "not testable: this run has no videos"
    assert outcome.evidence == "this run has no videos" and outcome.value is None
