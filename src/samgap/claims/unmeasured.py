"""Checks of what no metric or comparison of this workflow measures: the claim is kept, and what it needs is said."""

from collections.abc import Mapping
from typing import Any

from samgap.claims.data import ClaimData
from samgap.claims.outcome import Outcome, make_untestable
from samgap.claims.region import Region
from samgap.config.claim_bounds import list_bounds


def check_unmeasured(check: Mapping[str, Any], data: ClaimData) -> Outcome:
    """Return that the claim is not testable. Keys: `needs`, what would have to be measured, and bounds."""
    bound = f", which must be {Region.from_check(check).describe(check['unit'])}" if list_bounds(check) else ""
    return make_untestable(f"it needs {check['needs']}{bound}, and this workflow does not measure that")
