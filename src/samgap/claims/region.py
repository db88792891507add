"""The numbers at which a claim holds: an interval with open or closed ends."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from samgap.tables.claims import CONFIRMED, OPEN, REFUTED


@dataclass(frozen=True)
class Region:
    """An interval; an end belongs to it unless it is open."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    @classmethod
    def from_check(cls, check: Mapping[str, Any]) -> "Region":
        """Return the region of the keys `equals`, `at-least`, `above`, `at-most` and `below` of a check.

        The keys `count` and `tolerance`, a fraction, give the region around the count.
        """
        if "count" in check:
            margin = check["count"] * check.get("tolerance", 0)
            return cls(check["count"] - margin, check["count"] + margin)
        if "equals" in check:
            return cls(check["equals"], check["equals"])
        low, high = check.get("above", check.get("at-least")), check.get("below", check.get("at-most"))
        return cls(
            -math.inf if low is None else low,
            math.inf if high is None else high,
            low_open="above" in check,
            high_open="below" in check,
        )

    def contains(self, value: float) -> bool:
        """Return whether the claim holds at `value`."""
        above = value > self.low if self.low_open else value >= self.low
        below = value < self.high if self.high_open else value <= self.high
        return above and below

    def decide(self, low: float, high: float) -> str:
        """Return the verdict on a quantity that is known to be between `low` and `high`.

        It is confirmed if the whole interval is in the region, refuted if none of it is, and open otherwise.
        """
        if self.contains(low) and self.contains(high):
            return CONFIRMED
        # Both intervals are convex: they are disjoint if one lies wholly below or above the other.
        is_below = high < self.low or (high == self.low and self.low_open)
        is_above = low > self.high or (low == self.high and self.high_open)
        return REFUTED if is_below or is_above else OPEN

    def describe(self, unit: str = "") -> str:
        """Return the region in words with its unit: `≥ 0.9 recall`."""
        if self.low == self.high:
            text = f"= {format_number(self.low)}"
        else:
            ends = []
            if self.low > -math.inf:
                ends.append(f"{'>' if self.low_open else '≥'} {format_number(self.low)}")
            if self.high < math.inf:
                ends.append(f"{'<' if self.high_open else '≤'} {format_number(self.high)}")
            text = " and ".join(ends)
        return f"{text} {unit}".strip()


def format_number(value: float, sign: str = "") -> str:
    """Return a number for reading: integers with thousands separators, others with four significant digits.

    Args:
        value: The number.
        sign: `+` to print the sign of positive numbers, too.
    """
    if float(value).is_integer():
        return f"{int(value):{sign},}"
    return f"{value:{sign}.4g}" if abs(value) < 1000 else f"{value:{sign},.0f}"
