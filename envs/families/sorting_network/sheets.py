"""What the documentation shows of SortingNetwork."""

from __future__ import annotations

from rrm.envs.sheets import BROAD, Sheet, Sheets, discounted, window

HORIZONS = (window(1), discounted(0.9), discounted(0.97), BROAD)

SHEETS = Sheets(
    fooled_by="it runs a few tests, and they pass",
    helped_by="assistants choose an input on which the network fails",
    tables=(
        Sheet("rrm/SortingNetwork-v0", HORIZONS),
        Sheet("rrm/SortingNetworkSmall-v0", HORIZONS, title="Four wires"),
    ),
)
