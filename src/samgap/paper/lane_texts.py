"""The measurements of workflows as the texts that are drawn on their arrows."""

from typing import Any

import pandas as pd

from samgap.paper import labels, notes
from samgap.paper.csv import iterate_rows

SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
MAX_DECIMALS = 2
"""Decimals of the value of a metric, at most."""
MANY = 100
"""From here on, numbers of prompts and predictions have no decimals."""


class LaneTexts:
    """Texts of the measurements of some lanes. A text of a missing one is `no data` with the number of a footnote.

    Args:
        rows: The rows that `samgap.paper.lane_measurements.measure_lane` returns for each lane.
    """

    def __init__(self, rows: pd.DataFrame) -> None:
        self._rows = {(row.lane, row.quantity): row for row in iterate_rows(rows)}
        self._reasons: list[str] = []
        self._has_mark = False

    def find(self, lane: str, quantity: str) -> Any | None:
        """Return the row of a quantity; None if it has no value."""
        row = self._rows[lane, quantity]
        return None if pd.isna(row.value) else row

    def has(self, lane: str, quantity: str) -> bool:
        """Return whether there is a row of a quantity, with or without a value."""
        return (lane, quantity) in self._rows

    def format_count(self, lane: str, quantity: str, unit: str) -> str:
        """Format a number of prompts or predictions of an image: `6.9 [5.9, 8.0] prompts an image`."""
        row = self.find(lane, quantity)
        if row is None:
            return self._refer_to_reason(lane, quantity)
        decimals = 1 if row.value < MANY else 0
        return f"{row.value:.{decimals}f}{_format_interval(row, decimals)} {unit} an image"

    def format_time(self, lane: str, part: str) -> str:
        """Format the time of a part of a lane: `0.062 s, 62 %`.

        Args:
            lane: The lane.
            part: `encoder` or `prompts`, or of a lane with a detector `detector` or `segmenter`.
        """
        seconds, share = self.find(lane, f"{part}-seconds"), self.find(lane, f"{part}-share")
        if seconds is None or share is None:
            return self._refer_to_reason(lane, f"{part}-seconds")
        return f"{format_seconds(seconds.value)}, {100 * share.value:.0f} %"

    def format_time_of_prompt(self, lane: str) -> str:
        """Format the time of one prompt, `6.2 ms a prompt`; empty without one."""
        row = self.find(lane, "seconds-a-prompt")
        return "" if row is None else f"{format_seconds(row.value)} a prompt"

    def format_result(self, lane: str, metric: str) -> str:
        """Format the value of a metric with its interval: `0.81 [0.79, 0.83]`."""
        row = self.find(lane, metric)
        if row is None:
            return self._refer_to_reason(lane, metric)
        decimals = min(labels.metric_decimals(metric), MAX_DECIMALS)
        mark = labels.lacks_labels_mark(row.lacks_labels)
        self._has_mark |= bool(mark)
        return f"{row.value:.{decimals}f}{mark}{_format_interval(row, decimals)}"

    def format_total(self, lane: str, reference: str, letter: str) -> str:
        """Format the time of an image: `1.1 s an image on cpu, 11 × a`.

        Args:
            lane: The lane.
            reference: The lane that its time is compared with, if both are of the same device and data set.
            letter: The letter of the lane `reference`.
        """
        row, other = self.find(lane, "seconds"), self.find(reference, "seconds")
        if row is None:
            return self._refer_to_reason(lane, "seconds")
        text = f"{format_seconds(row.value)} an image on {row.device}"
        if lane == reference or other is None or (row.device, row.dataset) != (other.device, other.dataset):
            return text
        return f"{text}, {format_number(row.value / other.value)} × {letter}"

    def list_footnotes(self) -> list[str]:
        """Return the footnotes: each reason with its number, then what the mark of a value means."""
        texts = [f"{number}".translate(SUPERSCRIPTS) + f" {text}" for number, text in enumerate(self._reasons, 1)]
        return texts + [labels.LACKS_LABELS_NOTE] * self._has_mark

    def _refer_to_reason(self, lane: str, quantity: str) -> str:
        text = f"no data: {notes.format_note(self._rows[lane, quantity].note)}"
        if text not in self._reasons:
            self._reasons.append(text)
        return "no data" + str(1 + self._reasons.index(text)).translate(SUPERSCRIPTS)


def format_number(value: float) -> str:
    """Format a positive number with two digits, or all digits of its whole part: `0.062`, `1.0`, `11`, `110`."""
    return f"{value:.0f}" if value >= 10 else f"{value:#.2g}".rstrip(".")


def format_seconds(seconds: float) -> str:
    """Format a duration: `6.2 ms`, `0.11 s`, `1.1 s`."""
    return f"{format_number(1000 * seconds)} ms" if seconds < 0.1 else f"{format_number(seconds)} s"


def _format_interval(row: Any, decimals: int) -> str:
    return "" if pd.isna(row.low) else f" [{row.low:.{decimals}f}, {row.high:.{decimals}f}]"
