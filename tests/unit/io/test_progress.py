"""Progress is one line in the log at each interval; here standard error is not a terminal."""

import logging

import pytest

from samgap.io import progress


@pytest.mark.parametrize(
    ("total", "unit", "initial", "amounts", "expected"),
    [
        (4, "images", 1, [1, 2], ["work: 2 of 4 images", "work: 4 of 4 images"]),
        (None, "images", 0, [3], ["work: 3 images"]),
        (5_000_000, "B", 0, [2_000_000], ["work: 2 of 5 MB"]),
    ],
)
def test_the_log_has_the_amount_done(monkeypatch, caplog, total, unit, initial, amounts, expected):
    monkeypatch.setattr(progress, "LOG_INTERVAL_SECONDS", 0)
    with caplog.at_level(logging.INFO, "samgap"), progress.report_progress("work", total, unit, initial) as advance:
        for amount in amounts:
            advance(amount)
    assert caplog.messages == expected


def test_the_log_has_no_line_within_the_interval(caplog):
    with caplog.at_level(logging.INFO, "samgap"), progress.report_progress("work", 2, "images") as advance:
        advance(1)
    assert caplog.messages == []
