"""Verdicts of the table `claims`."""

from samgap.tables.claims import VERDICTS, get_verdict_kind


def test_the_kind_of_a_verdict_is_without_its_reason():
    assert get_verdict_kind("not testable: skipped: no weights") == "not testable"
    assert {get_verdict_kind(verdict) for verdict in VERDICTS} == set(VERDICTS)
