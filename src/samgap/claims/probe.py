"""Checks by a probe: a number measured on code of an installed package."""

from collections.abc import Mapping
from typing import Any

from samgap.claims.data import ClaimData
from samgap.claims.outcome import Outcome, make_untestable
from samgap.claims.region import Region, format_number
from samgap.errors import UserError
from samgap.tables.claims import CONFIRMED, REFUTED

TABLE = "probes"


def check_probe(check: Mapping[str, Any], data: ClaimData) -> Outcome:
    """Decide by a measured number. Keys: `probe`, `quantity` and bounds.

    Raises:
        UserError: If the bounds have another unit than the measured number.
    """
    probe, quantity = check["probe"], check["quantity"]
    rows = data.probes[(data.probes["probe"] == probe) & (data.probes["quantity"] == quantity)]
    if rows.empty:
        return make_untestable(f"no probe {probe} measured {quantity}", table=TABLE)
    row: Any = next(rows.itertuples(index=False))
    region, unit = Region.from_check(check), check["unit"]
    if unit != row.unit:
        raise UserError(
            f"claims: a check of the probe {probe} bounds {quantity} in {unit}, but it is measured in {row.unit}; "
            f"write the bound in {row.unit}"
        )
    detail = f" ({row.detail})" if row.detail else ""
    return Outcome(
        CONFIRMED if region.contains(row.value) else REFUTED,
        f"{row.package} {row.version}, {row.evidence}: {quantity} of the probe {probe} = "
        f"{format_number(row.value)} {row.unit}{detail}",
        value=float(row.value),
        unit=unit,
        bound=region.describe(unit),
        table=TABLE,
    )
