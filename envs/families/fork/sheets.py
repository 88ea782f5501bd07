"""What the documentation shows of Fork: one moment of either fork."""

from __future__ import annotations

from rrm.envs.sheets import Scene, Sheets

SHEETS = Sheets(pictures={"fork": (Scene("patient", 2, 0), Scene("hacking", 3, 0, id="rrm/ForkTrap-v0"))})
