"""What the documentation shows of SortingNetwork."""

from __future__ import annotations

from rrm.envs.sheets import BROAD, Sheet, Sheets, discounted, window

HORIZONS = (window(1), discounted(0.9), discounted(0.97), BROAD)

SHEETS = Sheets(
    tables=(
        Sheet("rrm/SortingNetwork-v0", HORIZONS),
        Sheet("rrm/SortingNetworkSmall-v0", HORIZONS, title="Four wires"),
    ),
)
